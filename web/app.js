// The page: what the user does, what the server answers, what is shown.

import { Api, ApiError } from './api.js';
import { measure, readHeader, readLabels } from './nifti.js';
import { Viewer } from './viewer.js';

const element = (id) => document.getElementById(id);

// Okabe and Ito's colours, which people with any colour vision tell apart; then round the circle of hues.
const palette = ['#e69f00', '#56b4e9', '#00b388', '#f0e442', '#d55e00', '#cc79a7', '#3d8bff'];
const colourOf = (label) => (label <= palette.length ? palette[label - 1] : hue((label * 137.508) % 360));

function hue(angle) {
  const channel = (n) => {
    const k = (n + angle / 30) % 12;
    const value = 0.6 - 0.4 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value).toString(16).padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

const readable = (name) => name.replaceAll('_', ' ');
const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
const decimals = (value, n) => value.toLocaleString('en', { minimumFractionDigits: n, maximumFractionDigits: n });

function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  let i = 0;
  for (; bytes >= 1000 && i < 3; ++i) bytes /= 1000;
  return `${i === 0 ? bytes : bytes.toPrecision(3)} ${units[i]}`;
}

class Page {
  api = new Api((again) => this.askKey(again));
  viewer = null;
  models = [];
  image = null;     // {name, blob, header}
  result = null;    // {bytes, name, model, labels, classes}
  running = null;   // AbortController
  opening = Promise.resolve();

  async start() {
    this.listen();
    const viewer = this.openViewer();
    await this.loadModels();
    await viewer;
  }

  // --- the viewer ---

  async openViewer() {
    try {
      this.viewer = await Viewer.create(element('canvas'), {
        onLocation: (at) => this.showLocation(at),
        onWindow: (min, max) => this.showWindow(min, max),
      });
    } catch (error) {
      element('empty').textContent = error.message;
      element('canvas').hidden = true;
      document.body.classList.add('no-viewer');
    }
    this.enable();
  }

  showLocation({ mm, value, label }) {
    const [x, y, z] = mm;
    const side = (at, plus, minus) => `${at >= 0 ? plus : minus} ${decimals(Math.abs(at), 1)}`;
    const parts = [`${side(x, 'right', 'left')}, ${side(y, 'anterior', 'posterior')}, ${side(z, 'superior', 'inferior')} mm`];
    if (value !== undefined) parts.push(`value ${Number(value.toPrecision(5)).toLocaleString('en')}`);
    if (label !== null) parts.push(readable(this.result?.classes[label]?.name ?? ''));
    element('readout').textContent = parts.join('  ·  ');
  }

  showWindow(min, max) {
    const number = (value) => Number(value.toPrecision(4));
    element('level').value = number((min + max) / 2);
    element('width').value = number(max - min);
  }

  setWindow() {
    const level = element('level').valueAsNumber;
    const width = element('width').valueAsNumber;
    if (Number.isFinite(level) && width > 0) this.viewer?.setWindow(level - width / 2, level + width / 2);
  }

  // --- models ---

  async loadModels() {
    const select = element('model');
    try {
      this.models = (await this.api.models()).filter((model) => model.state === 'READY');
      select.replaceChildren(...this.models.map(({ name }) => new Option(readable(name), name)));
      if (this.models.length === 0) {
        select.replaceChildren(new Option('None is loaded', ''));
        this.alert('The server has no model ready.');
      }
    } catch (error) {
      select.replaceChildren(new Option('Unknown', ''));
      this.alert(`The list of models could not be loaded. ${error.message}`, () => this.loadModels());
    }
    this.describeModel();
    this.enable();
  }

  get model() {
    return this.models.find(({ name }) => name === element('model').value);
  }

  describeModel() {
    const { model } = this;
    if (!model) return;
    const structures = model.labels.slice(1).map(readable).join(', ');
    const hint = [`${model.modality}, ${plural(model.channels, 'channel')}. Finds ${structures || plural(model.classes - 1, 'structure')}.`];
    const channels = this.image?.header.channels;
    if (channels && channels !== model.channels) hint.push(`The image has ${plural(channels, 'channel')}: it does not fit this model.`);
    element('model-hint').textContent = hint.join(' ');
  }

  // --- the image ---

  /** One after the other, so that the last is shown. */
  open(blob, name) {
    this.opening = this.opening.then(() => this.openNext(blob, name));
    return this.opening;
  }

  async openNext(blob, name) {
    this.alert('');
    this.cancel();
    this.stopWork();
    try {
      const header = await readHeader(blob);
      const shown = await this.viewer?.showImage(blob, name);
      this.image = { name, blob, header };
      this.forgetResult();
      this.describeImage();
      if (shown) {
        element('empty').hidden = true;
        this.showWindow(shown.min, shown.max);
        this.offerChannels(header.channels);
      }
      element('status').textContent = `${name} is open.`;
    } catch (error) {
      this.alert(`${name} cannot be opened: ${error.message ?? error}.`);
    }
    this.enable();
  }

  describeImage() {
    const { name, blob, header } = this.image;
    const facts = {
      File: `${name}, ${size(blob.size)}`,
      Voxels: header.shape.join(' × ') + (header.channels > 1 ? `, ${plural(header.channels, 'channel')}` : ''),
      Spacing: `${header.spacing.map((mm) => Number(mm.toPrecision(3))).join(' × ')} mm`,
    };
    element('facts').replaceChildren(...Object.entries(facts).flatMap(([term, text]) => {
      const pair = [document.createElement('dt'), document.createElement('dd')];
      pair[0].textContent = term;
      pair[1].textContent = text;
      return pair;
    }));
    element('facts').hidden = false;
    this.describeModel();
  }

  offerChannels(n) {
    const names = Array.from({ length: n }, (_, i) => new Option(String(i + 1), String(i)));
    element('channel').replaceChildren(...names);
    element('channel-line').hidden = n < 2;
  }

  async openSample() {
    this.alert('');
    try {
      await this.open(new Blob([await this.api.sample(this.model.name)]), 'sample.nii.gz');
    } catch (error) {
      this.alert(`The sample could not be loaded. ${error.message}`);
    }
  }

  // --- segmentation ---

  async segment() {
    const { model, image } = this;
    const running = new AbortController();
    this.running = running;
    this.alert('');
    this.forgetResult();
    this.work({ stage: 'sending', progress: 0 });
    this.enable();
    element('cancel').focus();
    let message = '';
    const started = performance.now();
    try {
      const bytes = await this.api.segment(model.name, image.blob, (at) => this.running === running && this.work(at), running.signal);
      await this.showResult(bytes, model, image);
      const seconds = (performance.now() - started) / 1000;
      message = `Segmented by ${readable(model.name)} in ${decimals(seconds, seconds < 10 ? 1 : 0)} s.`;
    } catch (error) {
      if (this.running !== running) return;
      if (error.name === 'AbortError') message = 'Cancelled.';
      else this.alert(this.explain(error), error.status === 400 ? null : () => this.segment());
    }
    if (this.running !== running) return;
    element('status').textContent = message;
    this.stopWork();
  }

  stopWork() {
    const focused = document.activeElement === element('cancel');
    this.running = null;
    element('work').hidden = true;
    this.enable();
    if (focused) element('segment').focus();
  }

  explain(error) {
    if (!(error instanceof ApiError)) return `The result could not be read: ${error.message}.`;
    if (error.status === 413) return `The image is too large for this server. ${error.message}`;
    if (error.status === 429) return `The server is busy. ${error.message}`;
    return error.status === 0 ? error.message : `The image could not be segmented. ${error.message}`;
  }

  work({ stage, progress }) {
    element('work').hidden = false;
    const bar = element('progress');
    if (stage === 'queued') bar.removeAttribute('value');
    else bar.value = progress;
    element('percent').textContent = stage === 'queued' ? '' : `${Math.floor(100 * progress)} %`;
    const text = {
      sending: 'Sending the image…',
      queued: 'Waiting for other images…',
      running: progress > 0 ? 'Segmenting…' : 'Preparing the image…',
    }[stage];
    // Only changes: a reader that speaks it shall not repeat itself.
    if (element('status').textContent !== text) element('status').textContent = text;
  }

  cancel() {
    this.running?.abort();
  }

  async showResult(bytes, model, image) {
    const labels = await readLabels(bytes);
    if (this.image !== image) return;  // another was opened meanwhile
    const found = measure(labels, model.classes);
    const classes = found.map((entry, label) => ({
      ...entry,
      name: model.labels[label] ?? `class ${label}`,
      colour: label === 0 ? '#000000' : colourOf(label),
      visible: true,
      strength: 1,
    }));
    const name = image.name.replace(/(\.nii)?(\.gz)?$/i, `_${model.name}${/\.gz$/i.test(image.name) ? '.nii.gz' : '.nii'}`);
    this.result = { bytes, name, classes };
    element('classes').replaceChildren(...classes.slice(1).map((entry) => this.row(entry)));
    element('download-hint').textContent = name;
    element('result').hidden = false;
    await this.viewer?.showLabels(bytes, name, this.paints());
    if (found[0].centre) this.viewer?.goTo(found[0].centre);
  }

  /** A structure's controls: shown, colour, where it is, volume, opacity. */
  row(entry) {
    const name = readable(entry.name);
    const make = (tag, properties, ...children) => {
      const made = Object.assign(document.createElement(tag), properties);
      made.append(...children);
      return made;
    };
    const input = (type, label, properties) => {
      const made = make('input', { type, ...properties });
      made.setAttribute('aria-label', label);
      return made;
    };
    const show = input('checkbox', `Show ${name}`, { checked: true });
    const colour = input('color', `Colour of ${name}`, { value: entry.colour });
    const opacity = input('range', `Opacity of ${name}`, { min: 0, max: 100, value: 100 });
    const go = make('button', { type: 'button', className: 'go', textContent: name, disabled: entry.centre === null || !this.viewer });
    if (entry.centre) go.title = 'Go there';
    show.addEventListener('change', () => { entry.visible = show.checked; this.paint(); });
    colour.addEventListener('input', () => { entry.colour = colour.value; this.paint(); });
    opacity.addEventListener('input', () => { entry.strength = opacity.valueAsNumber / 100; this.paint(); });
    go.addEventListener('click', () => this.viewer?.goTo(entry.centre));
    return make('tr', {},
      make('td', {}, make('span', { className: 'mark' }, show, colour)),
      make('td', {}, go),
      make('td', {
        className: 'number',
        textContent: decimals(entry.ml, entry.ml < 100 ? 2 : 1),
        title: plural(entry.voxels, 'voxel'),
      }),
      make('td', {}, opacity));
  }

  paints() {
    const overall = element('overall').valueAsNumber / 100;
    return this.result.classes.map(({ name, colour, visible, strength }) => ({
      name,
      colour,
      opacity: visible ? overall * strength : 0,
    }));
  }

  paint() {
    if (this.result) this.viewer?.paint(this.paints());
  }

  forgetResult() {
    this.result = null;
    element('result').hidden = true;
    this.viewer?.hideLabels();
  }

  download() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([this.result.bytes]));
    link.download = this.result.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // --- messages and controls ---

  /** Says what went wrong, until it is closed; retry: what a second button does. An empty text takes it away. */
  alert(text, retry = null) {
    const box = element('alert');
    box.replaceChildren();
    if (!text) return;
    const button = (label, action) => {
      const made = Object.assign(document.createElement('button'), { type: 'button', textContent: label });
      made.addEventListener('click', () => { this.alert(''); action(); });
      return made;
    };
    const words = document.createElement('span');
    words.textContent = text;
    const buttons = document.createElement('span');
    buttons.className = 'actions';
    if (retry) buttons.append(button('Try again', retry));
    buttons.append(button('Close', () => {}));
    box.append(words, buttons);
  }

  /** Controls that can do something are enabled. */
  enable() {
    const busy = this.running !== null;
    element('model').disabled = busy || this.models.length === 0;
    element('sample').disabled = busy || !this.model;
    element('segment').disabled = busy || !this.model || !this.image;
    element('cancel').hidden = !busy;
    element('tools').inert = !this.viewer || !this.image;
  }

  askKey(again) {
    const dialog = element('key-dialog');
    element('key-reason').textContent = again
      ? 'The server did not accept that key.'
      : 'This server asks for a key. It is kept until this tab is closed.';
    element('key').value = '';
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'use' ? element('key').value.trim() : null), { once: true });
    });
  }

  listen() {
    const on = (id, event, action) => element(id).addEventListener(event, action);
    on('file', 'change', () => {
      const [file] = element('file').files;
      if (file) this.open(file, file.name);
      element('file').value = '';  // so that the same file can be opened again
    });
    on('sample', 'click', () => this.openSample());
    on('model', 'change', () => this.describeModel());
    on('segment', 'click', () => this.segment());
    on('cancel', 'click', () => this.cancel());
    on('download', 'click', () => this.download());
    on('overall', 'input', () => this.paint());
    on('outline', 'change', () => this.viewer?.setOutline(element('outline').checked));
    on('radiological', 'change', () => this.viewer?.setRadiological(element('radiological').checked));
    on('channel', 'change', () => this.viewer?.setChannel(Number(element('channel').value)));
    on('level', 'change', () => this.setWindow());
    on('width', 'change', () => this.setWindow());
    on('window-reset', 'click', () => {
      const range = this.viewer?.resetWindow();
      if (range) this.showWindow(...range);
    });
    on('help-open', 'click', () => element('help').showModal());
    for (const view of document.querySelectorAll('input[name="view"]')) {
      view.addEventListener('change', () => this.viewer?.setView(view.value));
    }
    this.listenForDrops();
    window.addEventListener('pagehide', () => this.cancel());
  }

  listenForDrops() {
    let depth = 0;  // of elements that the pointer is in
    const files = (e) => e.dataTransfer?.types.includes('Files');
    const show = (change) => {
      depth = Math.max(0, change);
      element('drop').hidden = depth === 0;
    };
    window.addEventListener('dragenter', (e) => files(e) && show(depth + 1));
    window.addEventListener('dragleave', (e) => files(e) && show(depth - 1));
    window.addEventListener('dragover', (e) => e.preventDefault());
    window.addEventListener('drop', (e) => {
      e.preventDefault();
      show(0);
      const [file] = e.dataTransfer?.files ?? [];
      if (file) this.open(file, file.name);
    });
  }
}

new Page().start();
