// A cursor over the numbers of an array, for the keyboard: Tab to an array, arrows from cell to cell.

const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

class Cursor {
  constructor(grids, element) {
    this.grids = grids;
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("focusout", () => this.mark(null));
  }

  key(event) {
    const direction = DIRECTIONS[event.key];
    const name = event.target.dataset.array;
    if (!direction || !name) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows step through the trace elsewhere
    const cells = [...this.grids.cells.values()].filter((cell) => cell.name === name);
    const now = cells.find(({ cell }) => cell === this.cell);
    this.mark((now ? nearest(cells, now, direction) : cells[0]).cell);
    this.grids.tell(this.cell);
    announce(this.grids.readout.textContent);
  }

  mark(cell) {
    this.cell?.classList.remove("cursor");
    this.cell = cell;
    cell?.classList.add("cursor");
  }
}

/** The nearest cell in a direction, or the one there was. */
function nearest(cells, now, [right, down]) {
  let best = now;
  let least = Infinity;
  for (const other of cells) {
    const [dx, dy] = [other.x - now.x, other.y - now.y];
    const ahead = dx * right + dy * down;
    const aside = Math.abs(dx * down) + Math.abs(dy * right);
    if (ahead > 0 && aside < ahead && ahead + 4 * aside < least) [best, least] = [other, ahead + 4 * aside];
  }
  return best;
}
