"use strict";
// Pictures for a network that runs in the page: files, what is dropped, drawings, the camera.

/**
 * Tools that make pictures.  on: size [C, H, W], preprocess, use(pixels) with RGB bytes of that size, reset(),
 * fail(text), current(), the picture that is looked at.
 */
function pictureTools(on) {
  const file = h("input", {
    type: "file",
    accept: "image/*",
    class: "hidden-text",
    tabindex: -1,
    "aria-hidden": "true",
    onchange: () => open(file.files[0]),
  });
  const stage = h("div", { class: "stage" });
  const camera = new Camera(on, stage);
  const pad = new DrawingPad(on);
  const button = (label, act, more = {}) => h("button", { type: "button", onclick: act, ...more }, label);
  const draw = button("Draw", () => toggle(), { "aria-expanded": "false" });
  const watch = button(
    "Camera",
    async () => {
      await camera.toggle();
      watch.setAttribute("aria-pressed", String(camera.on));
    },
    { "aria-pressed": "false" },
  );

  async function open(blob) {
    if (!blob) return;
    try {
      const picture = await createImageBitmap(blob);
      on.use(pixelsFor(picture, picture.width, picture.height, on));
    } catch {
      on.fail(`${blob.name ?? "That"} is no picture that this browser can read.`);
    }
    file.value = "";
  }

  function toggle() {
    const shown = !pad.element.isConnected;
    draw.setAttribute("aria-expanded", String(shown));
    if (shown) {
      pad.begin();
      stage.append(pad.element);
    } else pad.element.remove();
  }

  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  return h(
    "div",
    {},
    h(
      "div",
      { class: "row" },
      button("Open a picture", () => file.click()),
      file,
      draw,
      watch,
      button("Back to the photo", () => {
        camera.stop();
        watch.setAttribute("aria-pressed", "false");
        on.reset();
      }),
    ),
    stage,
  );
}

/** RGB bytes of the network's size from anything that drawImage takes: its middle, or all of it, as the model says. */
function pixelsFor(picture, wide, high, { size: [channels, height, width], preprocess }) {
  const canvas = h("canvas", { width, height }),
    context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
  const { left, top, across, down } = partSeen(preprocess, wide, high, height, width);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, left, top, across, down, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    pixels.set(channels === 1 ? Array(3).fill(Math.round(0.299 * r + 0.587 * g + 0.114 * b)) : [r, g, b], 3 * i);
  }
  return pixels;
}

/** The part of a picture that becomes the input: where one number says the size, it is the short side's. */
function partSeen({ resize, crop }, wide, high, height, width) {
  const [rows, columns] = Array.isArray(resize) ? resize : [null, null];
  if (rows && !crop) return { left: 0, top: 0, across: wide, down: high };
  const scale = rows ? null : (resize ?? Math.min(wide, high)) / Math.min(wide, high);
  const across = width / (scale ?? columns / wide),
    down = height / (scale ?? rows / high);
  return { left: (wide - across) / 2, top: (high - down) / 2, across, down };
}

/** The camera's picture, a few times a second, as fast as the network runs. */
class Camera {
  constructor(on, stage) {
    Object.assign(this, { tools: on, stage, on: false });
    this.video = h("video", { class: "video", muted: true, playsinline: true, "aria-label": "what the camera sees" });
  }

  async toggle() {
    if (this.on) return this.stop();
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      this.tools.fail("There is no camera, or the browser was not allowed to use it.");
      return;
    }
    this.on = true;
    this.video.srcObject = this.stream;
    this.stage.prepend(this.video);
    await this.video.play();
    while (this.on) {
      const { videoWidth, videoHeight } = this.video;
      if (videoWidth) await this.tools.use(pixelsFor(this.video, videoWidth, videoHeight, this.tools));
      await new Promise((resolve) => {
        setTimeout(resolve, 120);
      });
    }
  }

  stop() {
    this.on = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.video.remove();
  }
}
