// A cache that keeps the lines used last: any line in any place (fully associative), stores bring their line in too.

class Cache {
  constructor(lines) {
    this.lines = lines;
    this.kept = new Map(); // lines in the order of their last use, the oldest first
    this.hits = 0;
    this.misses = 0;
  }

  has(line) {
    return this.kept.has(line);
  }

  /** Touch a line; whether it was there. */
  touch(line) {
    const there = this.kept.delete(line);
    this.kept.set(line, true);
    if (this.kept.size > this.lines) this.kept.delete(this.kept.keys().next().value);
    if (there) this.hits += 1;
    else this.misses += 1;
    return there;
  }

  /** The lines, the one used last in front. */
  newestFirst() {
    return [...this.kept.keys()].reverse();
  }

  clear() {
    this.kept.clear();
    this.hits = 0;
    this.misses = 0;
  }
}
