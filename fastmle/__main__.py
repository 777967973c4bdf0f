"""``python -m fastmle``, and the entry point of the ``fastmle`` command."""

import sys


def main():
    """Run the ``fastmle`` command, or say how to install what it needs."""
    try:
        from .cli import fastmle
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        print(
            f"fastmle: error: the command needs {error.name}, which is not installed: "
            'pip install "fastmle[cli]"',
            file=sys.stderr,
        )
        sys.exit(2)
    fastmle(prog_name="fastmle")


if __name__ == "__main__":
    main()
