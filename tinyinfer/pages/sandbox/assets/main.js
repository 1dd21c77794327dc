// Puts the page together; the address holds the design.

(() => {
  const at = (id) => document.getElementById(id);
  const design = new Design({ families: embedded("families"), measured: embedded("measured"), published: embedded("published") });
  const parts = [
    new Knobs(design, at("families"), at("knobs"), at("code")),
    new Headline(design, at("headline"), at("sentence")),
    new Bars(design, at("bars"), at("legend"), at("readout")),
    new MemoryBars(design, at("memory"), at("memory-words")),
    new Roofline(design, at("roofline"), at("roof-words")),
    new Accuracies(design, at("accuracies"), at("nearest"), at("accuracy-words")),
    new Verdicts(design, at("verdicts")),
    { draw: drawMachine },
    { draw: writeAddress },
  ];
  const drawAll = () => parts.forEach((part) => part.draw());
  design.watch(drawAll);
  window.addEventListener("resize", drawAll);
  window.addEventListener("hashchange", readAddress);
  readAddress();

  function drawMachine() {
    const { machine, date, checks, roofs } = design.measured;
    const guessed = design.guessed > 0.1 ? ` ${percent(design.guessed)} of this design's time is in layers unlike any that was measured.` : "";
    at("machine").textContent = `Times are looked up in layers measured on ${machine} (${Math.round(roofs.gmacs_per_s)} G mult-adds a second at most), one thread, ${date}. For ${checks.length === 1 ? "a network" : `${checks.length} networks`} not in that table they were off by ${percent(design.error)} (median).${guessed}`;
  }

  function writeAddress() {
    clearTimeout(writeAddress.timer); // browsers allow few changes a second
    writeAddress.timer = setTimeout(() => history.replaceState(null, "", `#${new URLSearchParams({ family: design.family.name, ...design.values })}`), 200);
  }

  function readAddress() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const values = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, name === "attention" ? value : Number(value)]));
    design.choose(given.family ?? design.family.name, given.family ? values : design.values);
  }
})();
