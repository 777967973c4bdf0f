"""Files written whole or not at all."""

import contextlib
import os
import secrets
import stat
from pathlib import Path


def check_writable(path):
    """Raise an OSError if `path` certainly cannot be written; find out before a long fit, not after.

    Raises
    ------
    OSError
        If its folder does not exist or may not be written to, or if it is a folder, a device or a pipe.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {target.parent}")
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder, name a file in it")
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise OSError(f"cannot write {path}: it is no regular file")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {path}: no permission to write to the folder {target.parent}")


@contextlib.contextmanager
def replacing(path):
    """Open a temporary binary file that takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path : str or path-like
        The file to write; a symbolic link is followed.

    Yields
    ------
    io.BufferedWriter

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before stays as it was.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        # Name the file that the user knows, not the temporary one.
        if error.errno is not None and error.filename in (None, str(temporary)):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
