"""What a network computes, as a table, JSON or a file of arrays: for any inputs, and where nobody said its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyinfer.cli.inputs import input_arrays
from tinyinfer.cli.options import usage
from tinyinfer.cli.terminal import complain, show, show_json
from tinyinfer.errors import ImageError

if TYPE_CHECKING:
    import numpy as np

    from tinyinfer.graph import Shape
    from tinyinfer.model import Model


def compute(
    network: Model,
    images: Sequence[Path],
    files: Mapping[str, Path],
    shapes: Mapping[str, Shape],
    *,
    top: int | None,
    save: Path | None,
    json: bool,
) -> tuple[int, Path | None]:
    """Run a network on each picture, or once without any, and show or save its outputs.

    Returns the exit code, and the first picture that is none of the bad ones.
    """
    from tinyinfer.reporting.values import TOP, all_statistics, values_table

    if save is not None and len(images) > 1:
        raise usage(f"--save takes the outputs of one picture, found {len(images)}")
    results: list[dict[str, Any]] = []
    code, first = 0, None
    for path in images or (None,):
        try:
            outputs = network.run(input_arrays(network, path, shapes, files))
        except ImageError as error:
            complain(str(error))
            code = error.exit_code
            continue
        first = first or path
        if save is not None:
            _save(save, outputs)
        found = all_statistics(outputs, TOP if top is None else top)
        named = {} if path is None else {"image": str(path)}
        results.append({**named, "outputs": [row.to_dict() for row in found]})
        if not json:
            if path is not None:
                print(path)
            show(values_table(found))
    if json:
        show_json(results)
    return code, first


def _save(path: Path, outputs: Mapping[str, np.ndarray]) -> None:
    """Write the arrays by name, the whole file or nothing; slashes and the like are kept in names, as NumPy does."""
    import zipfile

    import numpy as np

    from tinyinfer.files import atomic_write

    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in outputs.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
