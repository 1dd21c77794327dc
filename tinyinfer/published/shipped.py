"""The networks that were trained by this project: model files in the folder ``weights`` of a checkout."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "weights"  # beside the package: wheels come without it


def shipped_file(name: str) -> Path | None:
    """The model file that ships under this name, such as "mobilenet_v2_cifar10"; None where there is none."""
    if not name or Path(name).name != name:
        return None
    file = FOLDER / f"{name}.npz"
    return file if file.is_file() else None


def shipped_names() -> list[str]:
    """The names of all of them that are there."""
    return sorted(file.stem for file in FOLDER.glob("*.npz"))
