// The viewer with its controls: view, window, channel, sides, and what lies at the crosshair.

import { decimals, element, readable } from './text.js';
import { Viewer } from './viewer.js';

export class ViewerPanel {
  #viewer = null;
  #nameOf;

  /** nameOf(label): what a label at the crosshair is called. */
  constructor(nameOf) {
    this.#nameOf = nameOf;
    this.#listen();
  }

  /** Without WebGL2 or the viewer's package the page works all the same, and says what is missing. */
  async start() {
    try {
      this.#viewer = await Viewer.create(element('canvas'), {
        onLocation: (at) => this.#showLocation(at),
        onWindow: (min, max) => this.#showWindow(min, max),
      });
    } catch (error) {
      element('empty').textContent = error.message;
      element('canvas').hidden = true;
      document.body.classList.add('no-viewer');
    }
  }

  get works() {
    return this.#viewer !== null;
  }

  /** Rejects what cannot be shown. */
  async showImage(blob, name) {
    return this.#viewer?.showImage(blob, name);
  }

  /** Fits the controls to what showImage resolved with. */
  fit(shown, channels) {
    if (!shown) return;
    element('empty').hidden = true;
    this.#showWindow(shown.min, shown.max);
    const names = Array.from({ length: channels }, (_, i) => new Option(String(i + 1), String(i)));
    element('channel').replaceChildren(...names);
    element('channel-line').hidden = channels < 2;
  }

  async showLabels(bytes, name, paints) {
    await this.#viewer?.showLabels(bytes, name, paints);
  }
  hideLabels() {
    this.#viewer?.hideLabels();
  }
  paint(paints) {
    this.#viewer?.paint(paints);
  }
  goTo(centre) {
    this.#viewer?.goTo(centre);
  }

  #showLocation({ mm, value, label }) {
    const [x, y, z] = mm;
    const side = (at, plus, minus) => `${at >= 0 ? plus : minus} ${decimals(Math.abs(at), 1)}`;
    const parts = [`${side(x, 'right', 'left')}, ${side(y, 'anterior', 'posterior')}, ${side(z, 'superior', 'inferior')} mm`];
    if (value !== undefined) parts.push(`value ${Number(value.toPrecision(5)).toLocaleString('en')}`);
    if (label !== null) parts.push(readable(this.#nameOf(label)));
    element('readout').textContent = parts.join('  ·  ');
  }

  #showWindow(min, max) {
    const number = (value) => Number(value.toPrecision(4));
    element('level').value = number((min + max) / 2);
    element('width').value = number(max - min);
  }

  #setWindow() {
    const level = element('level').valueAsNumber;
    const width = element('width').valueAsNumber;
    if (Number.isFinite(level) && width > 0) this.#viewer?.setWindow(level - width / 2, level + width / 2);
  }

  #listen() {
    const on = (id, event, action) => element(id).addEventListener(event, action);
    on('outline', 'change', () => this.#viewer?.setOutline(element('outline').checked));
    on('radiological', 'change', () => this.#viewer?.setRadiological(element('radiological').checked));
    on('channel', 'change', () => this.#viewer?.setChannel(Number(element('channel').value)));
    on('level', 'change', () => this.#setWindow());
    on('width', 'change', () => this.#setWindow());
    on('window-reset', 'click', () => {
      const range = this.#viewer?.resetWindow();
      if (range) this.#showWindow(...range);
    });
    for (const view of document.querySelectorAll('input[name="view"]')) {
      view.addEventListener('change', () => this.#viewer?.setView(view.value));
    }
  }
}
