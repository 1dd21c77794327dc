// A chapter's runs, written out as steps.

/** {hidden, shown}: what is done before the chapter begins, and its steps, each with its phase's number. */
function stepsOf(setting, chapter) {
  const hidden = [];
  const shown = [];
  chapter.phases.forEach((phase, number) => {
    const steps = phase.when === "before" ? hidden : shown;
    for (const run of phase.runs) steps.push(...stepsOfRun(setting, run, number));
  });
  return { hidden, shown };
}

function stepsOfRun(setting, [template, count, ...bases], phase) {
  const [kind, instructions] = setting.templates[template];
  return Array.from({ length: count }, (_, i) => ({
    kind,
    instructions,
    phase,
    bases: Array.from({ length: bases.length / 2 }, (_, b) => bases[2 * b] + i * bases[2 * b + 1]),
  }));
}

/** The memory before the first step. */
function memoryOf(setting) {
  const memory = new Float64Array(setting.memory).fill(NaN);
  setting.given.forEach((value, address) => { if (value !== null) memory[address] = value; });
  return memory;
}
