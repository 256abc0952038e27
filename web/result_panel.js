// The label map that was made: its structures with their colours, volumes and opacities, and the file.

import { measure } from './nifti.js';
import { colourOf } from './palette.js';
import { decimals, element, make, nameOf, plural } from './text.js';

export class ResultPanel {
  #viewer;
  #result = null;  // {files: {download, download-object}: {bytes, name}, classes}

  /** viewer: the ViewerPanel that shows it. */
  constructor(viewer) {
    this.#viewer = viewer;
    element('overall').addEventListener('input', () => this.#paint());
    for (const id of ['download', 'download-object']) element(id).addEventListener('click', () => this.#download(id));
  }

  nameOf(label) {
    return this.#result?.classes[label]?.name ?? '';
  }

  /** labels: what readLabels gave for the bytes. object: of a DICOM study; null: there is none. */
  async show(bytes, object, labels, model, image) {
    const count = 1 + Math.max(0, ...model.structures.map(({ value }) => value));
    const structures = new Map(model.structures.map((structure) => [structure.value, structure]));
    const classes = measure(labels, count).map((entry, label) => ({
      ...entry,
      name: label === 0 ? 'background' : nameOf(structures.get(label) ?? { value: label }),
      colour: colourOf(label, count),
      visible: true,
      strength: 1,
    }));
    const stem = `${image.name.replace(/(\.nii)?(\.gz|\.zip|\.dcm)?$/i, '')}_${model.name}`;
    const name = `${stem}${image.study || /\.gz$/i.test(image.name) ? '.nii.gz' : '.nii'}`;
    const files = { download: { bytes, name } };
    if (object) files['download-object'] = { bytes: object, name: `${stem}.dcm` };
    this.#result = { files, classes };
    element('classes').replaceChildren(...model.structures.map(({ value }) => this.#row(classes[value])));
    element('download-object').hidden = !object;
    element('download-hint').textContent = Object.values(files).map((file) => file.name).join(', ');
    element('result').hidden = false;
    await this.#viewer.showLabels(bytes, name, this.#paints());
    if (classes[0].centre) this.#viewer.goTo(classes[0].centre);
  }

  forget() {
    this.#result = null;
    element('result').hidden = true;
    this.#viewer.hideLabels();
  }

  /** A structure's controls: shown, colour, where it is, volume, opacity. */
  #row(entry) {
    const { name } = entry;
    const input = (type, label, properties) => {
      const made = make('input', { type, ...properties });
      made.setAttribute('aria-label', label);
      return made;
    };
    const show = input('checkbox', `Show ${name}`, { checked: true });
    const colour = input('color', `Colour of ${name}`, { value: entry.colour });
    const opacity = input('range', `Opacity of ${name}`, { min: 0, max: 100, value: 100 });
    const go = make('button', { type: 'button', className: 'go', textContent: name, disabled: entry.centre === null || !this.#viewer.works });
    if (entry.centre) go.title = 'Go there';
    show.addEventListener('change', () => { entry.visible = show.checked; this.#paint(); });
    colour.addEventListener('input', () => { entry.colour = colour.value; this.#paint(); });
    opacity.addEventListener('input', () => { entry.strength = opacity.valueAsNumber / 100; this.#paint(); });
    go.addEventListener('click', () => this.#viewer.goTo(entry.centre));
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

  #paints() {
    const overall = element('overall').valueAsNumber / 100;
    return this.#result.classes.map(({ name, colour, visible, strength }) => ({
      name,
      colour,
      opacity: visible ? overall * strength : 0,
    }));
  }

  #paint() {
    if (this.#result) this.#viewer.paint(this.#paints());
  }

  #download(id) {
    const { bytes, name } = this.#result.files[id];
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}
