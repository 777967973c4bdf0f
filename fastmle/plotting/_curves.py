"""What displays of several curves share."""


def distinguished(curves):
    """Return curves with a number behind names that occur again."""
    names = [curve.name for curve in curves]
    return [
        curve._replace(name=f"{curve.name} ({names[: place + 1].count(curve.name)})")
        if names.count(curve.name) > 1
        else curve
        for place, curve in enumerate(curves)
    ]


def once(ax, label):
    """Return a label for the legend, or none where the axes have a line of that label already."""
    return "_nolegend_" if label in {line.get_label() for line in ax.get_lines()} else label
