// The machine of machine.py: it computes with the numbers in memory and tells which addresses it touches.

const REGISTERS = 4;

class Machine {
  constructor(memory, matrices, additions) {
    this.memory = memory;
    this.matrices = matrices;
    this.additions = additions;
    this.vector = [];
    this.sums = Array.from({ length: REGISTERS }, () => [0, 0, 0, 0]);
    this.resetCounts();
  }

  resetCounts() {
    this.counts = { loads: 0, stores: 0, macs: 0, additions: 0 };
  }

  /** Run a step; access(address, count, isStore) hears of every touch. */
  step({ instructions, bases }, access) {
    for (const [name, ...fields] of instructions) this[name](fields, bases, access);
  }

  load([base, offset, count], bases, access) {
    this.vector = this.read(bases[base] + offset, count, 1, access);
  }

  fma([register, base, offset], bases, access) {
    const [number] = this.read(bases[base] + offset, 1, 1, access);
    this.vector.forEach((weight, lane) => { this.sums[register][lane] += number * weight; });
    this.counts.macs += this.vector.length;
  }

  store([register, base, offset, count, stride], bases, access) {
    this.write(bases[base] + offset, this.sums[register].slice(0, count), stride, access);
    this.sums[register].fill(0);
  }

  copy([source, offset, count, stride, target, targetOffset], bases, access) {
    const values = this.read(bases[source] + offset, count, stride, access);
    this.write(bases[target] + targetOffset, values, 1, access);
  }

  transform([name, source, offsets, target, targetOffsets], bases, access) {
    const values = offsets.map((offset) => this.read(bases[source] + offset, 1, 1, access)[0]);
    this.matrices[name].forEach((row, i) => {
      const sum = row.reduce((total, factor, j) => total + factor * values[j], 0);
      this.write(bases[target] + targetOffsets[i], [sum], 1, access);
    });
    this.counts.additions += this.additions[name];
  }

  read(address, count, stride, access) {
    this.counts.loads += touched(address, count, stride, false, access);
    return Array.from({ length: count }, (_, i) => this.memory[address + i * stride]);
  }

  write(address, values, stride, access) {
    this.counts.stores += touched(address, values.length, stride, true, access);
    values.forEach((value, i) => { this.memory[address + i * stride] = value; });
  }
}

/** Tell of an access; how many instructions it takes: one for numbers side by side, else one each. */
function touched(address, count, stride, isStore, access) {
  if (stride === 1) {
    access(address, count, isStore);
    return 1;
  }
  for (let i = 0; i < count; i += 1) access(address + i * stride, 1, isStore);
  return count;
}
