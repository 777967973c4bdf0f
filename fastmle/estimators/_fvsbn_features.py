"""The FVSBN as a transformer: how much each column surprises, or Fisher scores."""

import numpy as np
from scipy.special import expit
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted


class FVSBNFeatures(TransformerMixin):
    """The part of FVSBN that makes features of rows."""

    def transform(self, X):
        r"""Return features of the rows, for a pipeline's next step.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_features_out)
            With ``representation="surprise"`` the entries of a row are -log p(x_i | x_<i), nats, one a
            column; they add up to minus its score. With ``representation="fisher"`` they are the derivatives
            of log p(x) with respect to the parameters of each of `fisher_columns` in turn: the intercept,
            and the weights of the columns before it in the order.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As :meth:`score_samples`, or if `fisher_columns` are not indices of columns.

        Notes
        -----
        The derivative in the intercept is the residual :math:`r_i = x_i - p(x_i = 1 | x_{<i})`, that in a
        weight :math:`r_i x_j`. Inner products of these scores, weighted by the inverse of their covariance,
        are the Fisher kernel [1]_.

        References
        ----------
        .. [1] Jaakkola, T. and Haussler, D. Exploiting generative models in discriminative classifiers. NIPS
           1998.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmle import FVSBN
        >>> X = np.array([[0, 1], [1, 1], [1, 0], [1, 0]])
        >>> model = FVSBN().fit(X)
        >>> np.allclose(model.transform(X).sum(axis=1), -model.score_samples(X))
        True
        >>> model.set_params(representation="fisher").get_feature_names_out()
        array(['x0', 'x1', 'x1|x0'], dtype=object)
        """
        if self.representation == "surprise":
            terms = self.score_features(X)
            return np.negative(terms, out=terms)
        return self._fisher_scores(X)

    def get_feature_names_out(self, input_features=None):
        """Return the names of what :meth:`transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns, where the training data had none.

        Returns
        -------
        ndarray of object, shape (n_features_out,)
            The name of a column for its surprise, or its intercept; ``"b|a"`` for the weight of column a in
            the logit of column b.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If the names are not those of the training data, or not as many.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        if self.representation == "surprise":
            return names
        made = []
        for column, before in self._fisher_blocks():
            made += [names[column], *(f"{names[column]}|{names[other]}" for other in before)]
        return np.array(made, dtype=object)

    def _fisher_blocks(self):
        """Return the columns whose parameters are taken, each with those before it."""
        columns = np.arange(self.n_features_in_)
        if self.fisher_columns is not None:
            columns = np.asarray(self.fisher_columns)
            right_kind = columns.ndim == 1 and columns.dtype.kind in "iu"
            if not right_kind or np.any((columns < 0) | (columns >= self.n_features_in_)):
                raise ValueError(
                    f"fisher_columns must be indices of columns, from 0 to {self.n_features_in_ - 1}; got "
                    f"{np.array2string(columns, threshold=8)}"
                )
        place = np.argsort(self.order_)
        return [(int(column), self.order_[: place[column]]) for column in columns]

    def _fisher_scores(self, X):
        bits = self._pack_like_fit(X)
        blocks = self._fisher_blocks()
        residuals = bits.to_array(np.float64)
        rows = residuals.copy()
        residuals -= expit(self._terms(bits, logits=True))
        scores = np.empty((len(rows), sum(1 + len(before) for _, before in blocks)))
        start = 0
        for column, before in blocks:
            own = residuals[:, column]
            scores[:, start] = own
            start += 1
            np.multiply(own[:, None], rows[:, before], out=scores[:, start : start + len(before)])
            start += len(before)
        return scores
