// The page: models, the image that is open, and what its parts do together.

import { Api } from './api.js';
import { bodyOf, dropped, isStudy } from './dicom.js';
import { Job } from './job.js';
import { alert, askKey, say } from './messages.js';
import { readHeader, readLabels } from './nifti.js';
import { ResultPanel } from './result_panel.js';
import { element, make, nameOf, plural, readable, size } from './text.js';
import { ViewerPanel } from './viewer_panel.js';

class Page {
  api = new Api(askKey);
  viewer = new ViewerPanel((label) => this.result.nameOf(label));
  result = new ResultPanel(this.viewer);
  job = new Job(this.api, () => this.enable());
  models = [];
  image = null;     // {name, blob, header, study: of DICOM {body, series, size}}
  opening = Promise.resolve();

  async start() {
    this.listen();
    const viewer = this.viewer.start().then(() => this.enable());
    await this.loadModels();
    await viewer;
  }

  // --- models ---

  async loadModels() {
    const select = element('model');
    try {
      this.models = (await this.api.models()).filter((model) => model.state === 'READY');
      select.replaceChildren(...this.models.map(({ name }) => new Option(readable(name), name)));
      if (this.models.length === 0) {
        select.replaceChildren(new Option('None is loaded', ''));
        alert('The server has no model ready.');
      }
    } catch (error) {
      select.replaceChildren(new Option('Unknown', ''));
      alert(`The list of models could not be loaded. ${error.message}`, () => this.loadModels());
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
    const { structures, channel_names: channels_in = [model.modality] } = model;
    const names = structures.some(({ name }) => name) ? structures.map(nameOf).join(', ') : plural(structures.length, 'structure');
    const hint = [`${channels_in.map(readable).join(', ')}, ${plural(model.channels, 'channel')}. Finds ${names}.`];
    const channels = this.image?.header.channels;
    if (channels && channels !== model.channels) hint.push(`The image has ${plural(channels, 'channel')}: it does not fit this model.`);
    element('model-hint').textContent = hint.join(' ');
  }

  // --- the image ---

  /** One after the other, so that the last is shown. */
  open(blob, name) {
    return this.next(() => this.show(blob, name));
  }

  /** Files that were chosen or dropped: an image, or a DICOM study. */
  openFiles(files, name) {
    return this.next(async () => {
      this.offerSeries(null, []);
      const size = files.reduce((sum, file) => sum + file.size, 0);
      if (await isStudy(files)) await this.openStudy({ body: bodyOf(files), name, size }, '');
      else if (files.length > 0) await this.show(files[0], files[0].name);
    });
  }

  next(step) {
    this.opening = this.opening.then(step).catch((error) => alert(`The files cannot be read: ${error.message}.`));
    return this.opening;
  }

  /** The server reads it: it has the image shown that the model gets. */
  async openStudy({ body, name, size: bytesIn }, series) {
    alert('');
    say('Reading the DICOM study…');
    try {
      const { bytes, warnings } = await this.api.studyImage(body, series);
      await this.show(new Blob([bytes]), name, { body, series, size: bytesIn });
      if (warnings) alert(`Of ${name}: ${warnings}.`);
    } catch (error) {
      say('');
      if (error.series?.length) this.offerSeries({ body, name, size: bytesIn }, error.series);
      else alert(`${name} cannot be opened: ${error.message}`);
    }
  }

  /** A choice where a study has several. Until it is made nothing is open: what was is not what would be segmented. */
  offerSeries(study, list) {
    this.offered = study;
    element('series-line').hidden = list.length === 0;
    const options = list.map(({ uid, modality, shape, apart }) =>
      new Option(`${modality} ${shape.toReversed().join(' × ')} ${apart} (…${uid.slice(-12)})`, uid));
    element('series').replaceChildren(new Option('Choose one', ''), ...options);
    if (list.length === 0) return;
    this.job.cancel();
    this.job.stop();
    this.image = null;
    this.result.forget();
    element('facts').hidden = true;
    this.describeModel();
    this.enable();
    say('The study has several series: choose one.');
  }

  async show(blob, name, study = null) {
    alert('');
    this.job.cancel();
    this.job.stop();
    try {
      const header = await readHeader(blob);
      const shown = await this.viewer.showImage(blob, study ? 'study.nii.gz' : name);
      this.image = { name, blob, header, study };
      this.result.forget();
      this.describeImage();
      this.viewer.fit(shown, header.channels);
      say(`${name} is open.`);
    } catch (error) {
      alert(`${name} cannot be opened: ${error.message ?? error}.`);
    }
    this.enable();
  }

  describeImage() {
    const { name, blob, header, study } = this.image;
    const facts = {
      File: `${name}, ${size(study?.size ?? blob.size)}`,
      Voxels: header.shape.join(' × ') + (header.channels > 1 ? `, ${plural(header.channels, 'channel')}` : ''),
      Spacing: `${header.spacing.map((mm) => Number(mm.toPrecision(3))).join(' × ')} mm`,
    };
    element('facts').replaceChildren(...Object.entries(facts).flatMap(([term, text]) => [
      make('dt', { textContent: term }),
      make('dd', { textContent: text }),
    ]));
    element('facts').hidden = false;
    this.describeModel();
  }

  async openSample() {
    alert('');
    try {
      await this.open(new Blob([await this.api.sample(this.model.name)]), 'sample.nii.gz');
    } catch (error) {
      alert(`The sample could not be loaded. ${error.message}`);
    }
  }

  // --- segmentation ---

  segment() {
    const { model, image } = this;
    this.result.forget();
    return this.job.run(model, image, async ({ labels: bytes, object }) => {
      const labels = await readLabels(bytes);
      if (this.image === image) await this.result.show(bytes, object, labels, model, image);  // unless another was opened meanwhile
    });
  }

  // --- controls ---

  /** Controls that can do something are enabled. */
  enable() {
    const busy = this.job.runs;
    element('model').disabled = busy || this.models.length === 0;
    element('sample').disabled = busy || !this.model;
    element('segment').disabled = busy || !this.model || !this.image;
    element('cancel').hidden = !busy;
    element('tools').inert = !this.viewer.works || !this.image;
  }

  listen() {
    const on = (id, event, action) => element(id).addEventListener(event, action);
    on('file', 'change', () => {
      const files = [...element('file').files];
      this.openFiles(files, files.length === 1 ? files[0].name : 'study');
      element('file').value = '';  // so that the same file can be opened again
    });
    on('series', 'change', () => {
      const series = element('series').value;
      if (series) this.next(() => this.openStudy(this.offered, series));
    });
    on('sample', 'click', () => this.openSample());
    on('model', 'change', () => this.describeModel());
    on('segment', 'click', () => this.segment());
    on('cancel', 'click', () => this.job.cancel());
    on('help-open', 'click', () => element('help').showModal());
    this.listenForDrops();
    window.addEventListener('pagehide', () => this.job.cancel());
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
      if (!e.dataTransfer) return;
      dropped(e.dataTransfer)
        .then(({ files, name }) => this.openFiles(files, name))
        .catch((error) => alert(`What was dropped cannot be read: ${error.message}.`));
    });
  }
}

new Page().start();
