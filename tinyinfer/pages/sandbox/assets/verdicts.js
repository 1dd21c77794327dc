// The four verdicts, each with its reason.

const SIGNS = { good: "✓", fair: "~", poor: "✗" };

class Verdicts {
  constructor(design, element) {
    Object.assign(this, { design, element });
  }

  draw() {
    this.element.replaceChildren(...guidelinesOf(this.design).map(({ name, title, verdict, reason, hint }) =>
      h("li", { class: `verdict ${verdict}` },
        h("span", { class: "sign" }, h("span", { "aria-hidden": "true" }, SIGNS[verdict]), ` ${verdict}`),
        h("div", {}, h("strong", {}, `${name}. ${title}`), h("p", { class: "small" }, reason, hint ? h("span", { class: "quiet" }, ` ${hint}`) : null)))));
  }
}
