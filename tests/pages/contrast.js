// Every text of the page that has less contrast to its ground than `least`, as [text, ratio]; for tests.
(least) => {
  const parse = (colour) => {
    const canvas = (parse.canvas ??= document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = (rgb) => rgb.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const face = at.closest?.("g")?.querySelector?.(":scope > .graph-face, :scope > rect.value, :scope > rect.space");
      if (at === element && face) {
        const style = getComputedStyle(face), [r, g, b, a] = parse(style.fill);
        layers.push([r, g, b, a * Number(style.fillOpacity)]);
      }
      layers.push(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, style = getComputedStyle(element);
    if (!node.textContent.trim() || ["SCRIPT", "STYLE", "title"].includes(element.tagName) || !element.getClientRects().length || style.visibility === "hidden") continue;
    const below = ground(element), colour = over(parse(element instanceof SVGElement ? style.fill : style.color), below);
    const [high, low] = [luminance(colour), luminance(below)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least) faint.push([node.textContent.trim().slice(0, 40), Number(ratio.toFixed(2))]);
  }
  return faint;
}
