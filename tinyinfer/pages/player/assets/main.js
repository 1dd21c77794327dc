// Puts the page together; the address holds what is shown.

(() => {
  const at = (id) => document.getElementById(id);
  const player = new Player(embedded("player"));
  const grids = new Grids(player, at("arrays"), at("readout"));
  new Cursor(grids, at("arrays"));
  const parts = [
    new Switches(player, at("chapters"), at("switches")),
    new Transport(player, at("transport")),
    grids,
    new Strips(player, at("memory"), at("cache"), at("cache-words")),
    new Totals(player, at("totals"), at("formulas"), at("verdict")),
    { draw: drawWords },
    { draw: writeAddressSoon },
  ];
  for (const part of parts) player.watch(() => part.draw());
  readAddress();
  window.addEventListener("hashchange", readAddress);

  function drawWords() {
    const phase = player.phase(player.step);
    at("idea").textContent = IDEAS[player.chapter.name];
    at("phase").textContent = PHASES[phase.name];
    at("sentence").textContent = sentenceOf(player);
    at("numbers").replaceChildren(...arithmeticOf(player));
    const { loads, stores, macs, additions } = player.machine.counts;
    const counters = { loads, stores, "mult-adds": macs, hits: player.cache.hits, misses: player.cache.misses };
    if (additions) counters["additions of transforms"] = additions;
    at("counters").replaceChildren(...Object.entries(counters).map(([name, count]) =>
      h("div", { class: name }, h("dt", {}, name), h("dd", {}, count.toLocaleString("en")))));
  }

  /** Not at every step that plays: browsers allow few changes a second. */
  function writeAddressSoon() {
    clearTimeout(writeAddressSoon.timer);
    writeAddressSoon.timer = setTimeout(writeAddress, 250);
  }

  function writeAddress() {
    const { layout, kernel, stride, groups } = player.switches;
    const parts = { way: player.chapter.name, layout, kernel, stride, groups, cache: player.cacheLines, step: player.done };
    history.replaceState(null, "", `#${new URLSearchParams(parts)}`);
  }

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    const switches = { layout: given.get("layout") ?? "NHWC" };
    for (const [name, usual] of [["kernel", 3], ["stride", 1], ["groups", 1]]) switches[name] = Number(given.get(name) ?? usual);
    const known = SWITCHES.every(([key, , options]) => options.some(([value]) => value === switches[key]));
    const lines = Number(given.get("cache") ?? 16);
    player.cacheLines = CACHE_SIZES.includes(lines) ? lines : 16;
    player.choose(known ? switches : player.switches, given.get("way") ?? "window", (Number(given.get("step")) || 1) - 1);
  }
})();
