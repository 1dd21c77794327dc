// Which chapter, which convolution, which cache: buttons in groups, one of each pressed.

const CHAPTERS = [
  ["window", "Sliding window"], ["im2col", "im2col"], ["panels", "Panels"],
  ["register tile", "Register tile"], ["line buffer", "Rolling line buffer"], ["Winograd", "Winograd"],
];

const SWITCHES = [
  ["layout", "Layout", [["NHWC", "NHWC"], ["NCHW", "NCHW"]]],
  ["kernel", "Kernel", [[1, "1 × 1"], [3, "3 × 3"], [5, "5 × 5"]]],
  ["stride", "Stride", [[1, "1"], [2, "2"]]],
  ["groups", "Groups", [[1, "1"], [2, "2"], [4, "4"]]],
];

const CACHE_SIZES = [4, 8, 16, 32, 64, 128];

function chapterName(name) {
  return CHAPTERS.find(([key]) => key === name)[1];
}

class Switches {
  constructor(player, chapters, switches) {
    this.player = player;
    this.buttons = [];
    chapters.append(...CHAPTERS.map(([name, text], i) => this.button(
      [h("span", { class: "number", "aria-hidden": "true" }, String(i + 1)), text],
      () => player.choose(player.switches, name), () => player.chapter.name === name,
      () => player.setting.chapters.some((chapter) => chapter.name === name))));
    switches.append(...SWITCHES.map((row) => this.group(...row)), this.cacheGroup());
  }

  group(key, title, options) {
    const { player } = this;
    const buttons = options.map(([value, text]) => this.button([text],
      () => player.choose({ ...player.switches, [key]: value }, player.chapter.name),
      () => player.switches[key] === value, () => true));
    return h("div", { class: "switch", role: "group", "aria-label": title }, h("span", { class: "quiet small" }, title), h("div", { class: "options" }, buttons));
  }

  cacheGroup() {
    const options = CACHE_SIZES.map((lines) => h("option", { value: lines }, `${lines} lines of 8 numbers`));
    this.cache = h("select", { id: "cache-size", onchange: () => this.player.resize(Number(this.cache.value)) }, options);
    return h("div", { class: "switch" }, h("label", { class: "quiet small", for: "cache-size" }, "Cache"), this.cache);
  }

  button(content, act, isPressed, isThere) {
    const element = h("button", { type: "button", onclick: act }, content);
    this.buttons.push({ element, isPressed, isThere });
    return element;
  }

  draw() {
    for (const { element, isPressed, isThere } of this.buttons) {
      element.setAttribute("aria-pressed", String(isPressed()));
      element.disabled = !isThere();
      element.title = isThere() ? "" : "Winograd's tiles are for 3 × 3 kernels at stride 1 without groups";
    }
    this.cache.value = String(this.player.cacheLines);
  }
}
