"use strict";
// How far rounding to 8 bits takes each step's output from what it was in real numbers.

function noiseView(run, link) {
  const steps = run.steps.flatMap((step, i) => (step.noise === null ? [] : [i]));
  if (!steps.length) return null;
  const worst = run.steps[steps.reduce((a, b) => (run.steps[b].noise < run.steps[a].noise ? b : a))];
  const words = "Decibels of each output over its rounding noise, against the network in real numbers: lower is noisier, "
    + `at 20 dB the noise is a tenth. The noisiest is ${worst.name} with ${number(worst.noise)} dB.`;
  const bars = stepBars(run, link, { name: "rounding noise of each step", unit: "dB", height: 180, steps, valueOf: (step) => step.noise });
  return section("Rounding noise of 8 bits", words, bars);
}
