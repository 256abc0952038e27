// The images, drawn by NiiVue.

const views = { axial: 'AXIAL', coronal: 'CORONAL', sagittal: 'SAGITTAL', all: 'MULTIPLANAR', '3d': 'RENDER' };

export class Viewer {
  #niivue;
  #library;
  #home = null;
  #view = 'all';

  /**
   * onLocation({mm: [x, y, z], values}): values at the crosshair, of the image and of the label map.
   * onWindow(min, max). Throws an Error for users where the viewer is not installed or the browser cannot do it.
   */
  static async create(canvas, { onLocation, onWindow }) {
    const viewer = new Viewer();
    try {
      viewer.#library = await import('./niivue.js');
    } catch {
      throw new Error('The viewer (NiiVue) is not installed on this server: its operator can run scripts/setup_page.sh. '
        + 'Segmenting, volumes and the download work without it.');
    }
    if (!document.createElement('canvas').getContext('webgl2')) {
      throw new Error('This browser cannot show images: WebGL 2 is switched off or missing. '
        + 'Segmenting, volumes and the download work without it.');
    }
    const { Niivue, MULTIPLANAR_TYPE, SHOW_RENDER } = viewer.#library;
    const nv = new Niivue({
      logLevel: 'error',
      loadingText: '',
      dragAndDropEnabled: false,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.96, 0.76, 0.25, 0.85],
      crosshairWidth: 1,
      crosshairGap: 6,
      fontColor: [0.76, 0.8, 0.82, 1],
      isRadiologicalConvention: true,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      multiplanarShowRender: SHOW_RENDER.ALWAYS,
      multiplanarPadPixels: 4,
      isNearestInterpolation: false,
      show3Dcrosshair: true,
      scrollRequiresFocus: false,
    });
    nv.onLocationChange = ({ mm, values }) => onLocation({ mm: Array.from(mm).slice(0, 3), values: values.map((v) => v.value) });
    nv.onIntensityChange = (volume) => volume === nv.volumes[0] && onWindow(volume.cal_min, volume.cal_max);
    // Before NiiVue's own keys, some of which open windows.
    for (const type of ['keydown', 'keyup']) {
      canvas.parentElement.addEventListener(type, (e) => {
        if (e.target !== canvas || e.key === 'Tab') return;
        e.stopPropagation();
        if (type === 'keydown' && !e.ctrlKey && !e.altKey && !e.metaKey && viewer.#key(e.key)) e.preventDefault();
      }, { capture: true });
    }
    await nv.attachToCanvas(canvas);
    viewer.#niivue = nv;
    return viewer;
  }

  /** Replaces what is shown. Returns {channels, min, max}: the window. */
  async showImage(blob, name) {
    const nv = this.#niivue;
    const image = await this.#library.NVImage.loadFromFile({ file: new File([blob], name), name, colormap: 'gray' });
    this.hideLabels();
    for (const volume of [...nv.volumes]) nv.removeVolume(volume);
    nv.addVolume(image);
    this.#home = null;
    this.#goTo([0.5, 0.5, 0.5]);
    return { channels: image.nFrame4D ?? 1, min: image.cal_min, max: image.cal_max };
  }

  /** A label map over the image, painted by paint. */
  async showLabels(bytes, name, classes) {
    const nv = this.#niivue;
    const file = new File([bytes], name);
    const labels = await this.#library.NVImage.loadFromFile({ file, name, opacity: 1 });
    this.hideLabels();
    labels.setColormapLabel(Viewer.#colours(classes));
    nv.addVolume(labels);
  }

  hideLabels() {
    const labels = this.#niivue.volumes[1];
    if (labels) this.#niivue.removeVolume(labels);
    this.#home = null;
  }

  /** classes: [{label, name, colour: "#rrggbb", opacity: 0 to 1}], the first of label 0. */
  paint(classes) {
    const nv = this.#niivue;
    if (!nv.volumes[1]) return;
    nv.volumes[1].setColormapLabel(Viewer.#colours(classes));
    nv.updateGLVolume();
  }

  static #colours(classes) {
    const part = (i) => classes.map(({ colour }) => Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16));
    return {
      R: part(0),
      G: part(1),
      B: part(2),
      A: classes.map(({ label, opacity }) => (label === 0 ? 0 : Math.round(255 * opacity))),
      I: classes.map(({ label }) => label),
      labels: classes.map(({ name }) => name),
    };
  }

  setOutline(on) {
    this.#niivue.setAtlasOutline(on ? 1 : 0);
  }
  setView(view) {
    this.#view = view;
    this.#niivue.setSliceType(this.#library.SLICE_TYPE[views[view]]);
  }
  setRadiological(on) {
    this.#niivue.setRadiologicalConvention(on);
    this.#niivue.drawScene();
  }
  setChannel(channel) {
    const nv = this.#niivue;
    nv.setFrame4D(nv.volumes[0].id, channel);
  }

  setWindow(min, max) {
    const image = this.#niivue.volumes[0];
    if (!image || !(max > min)) return;
    image.cal_min = min;
    image.cal_max = max;
    this.#niivue.updateGLVolume();
  }
  /** Back to the one that it was opened with: [min, max]. */
  resetWindow() {
    const image = this.#niivue.volumes[0];
    if (!image) return null;
    this.setWindow(image.robust_min, image.robust_max);
    return [image.cal_min, image.cal_max];
  }

  /** Takes the crosshair to a voxel [x, y, z] of the label map; Home goes there again. */
  goTo(voxel) {
    const labels = this.#niivue.volumes[1];
    if (!labels) return;
    const mm = labels.hdr.affine.slice(0, 3).map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
    this.#home = this.#niivue.mm2frac(mm);
    this.#goTo(this.#home);
  }

  #goTo(fraction) {
    const nv = this.#niivue;
    nv.scene.crosshairPos = fraction;
    nv.createOnLocationChange();
    nv.drawScene();
  }

  /** Whether the key means something. */
  #key(key) {
    const nv = this.#niivue;
    if (!nv?.volumes.length) return false;
    if (key === 'Home') {
      this.#goTo(this.#home ?? [0.5, 0.5, 0.5]);
      return true;
    }
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (arrow && this.#view === '3d') {
      nv.setRenderAzimuthElevation(nv.scene.renderAzimuth + 5 * arrow[0], nv.scene.renderElevation + 5 * arrow[1]);
      return true;
    }
    // Left and right as they are on the screen.
    const right = nv.opts.isRadiologicalConvention ? -1 : 1;
    const step = arrow ? [right * arrow[0], arrow[1], 0] : { PageUp: [0, 0, 1], PageDown: [0, 0, -1] }[key];
    if (!step) return false;
    nv.moveCrosshairInVox(...step);
    return true;
  }
}
