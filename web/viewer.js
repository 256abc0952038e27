// The images, drawn by NiiVue.

const views = { axial: 'AXIAL', coronal: 'CORONAL', sagittal: 'SAGITTAL', all: 'MULTIPLANAR', '3d': 'RENDER' };

/** NiiVue with structures that are solid in 3D also while the planes show outlines. */
const solidIn3D = (Niivue) => class extends Niivue {
  drawImage3D(...view) {
    const { drawOpacity } = this;
    this.drawOpacity = 1;
    try {
      super.drawImage3D(...view);
    } finally {
      this.drawOpacity = drawOpacity;
    }
  }
};

export class Viewer {
  #niivue;
  #library;
  #home = null;
  #view = 'all';

  /**
   * onLocation({mm: [x, y, z], value, label}): what lies at the crosshair; label: null without a label map.
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
    const nv = new (solidIn3D(Niivue))({
      logLevel: 'silent',
      loadingText: '',
      dragAndDropEnabled: false,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.86, 0.93, 0.96, 0.6],
      crosshairWidth: 0.5,
      crosshairWidthUnit: 'percent',
      fontColor: [1, 0.78, 0.3, 1],
      isRadiologicalConvention: true,
      showAllOrientationMarkers: true,
      fontMinPx: 12,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      multiplanarShowRender: SHOW_RENDER.ALWAYS,
      multiplanarPadPixels: 4,
      smoothDrawing: 1,
      show3Dcrosshair: true,
      scrollRequiresFocus: false,
    });
    nv.setDrawOpacity(1);
    nv.onLocationChange = ({ mm, vox, values }) => onLocation({
      mm: Array.from(mm).slice(0, 3),
      value: values[0]?.value,
      label: viewer.#labelAt(vox),
    });
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

  /** Replaces what is shown. Returns the window, {min, max}. */
  async showImage(blob, name) {
    const nv = this.#niivue;
    const image = await this.#read(blob, name);
    this.hideLabels();
    for (const volume of [...nv.volumes]) nv.removeVolume(volume);
    nv.addVolume(image);
    const [, , extent] = nv.sceneExtentsMinMax(true);
    nv.opts.crosshairGap = 0.04 * Math.min(...extent);
    this.#goTo([0.5, 0.5, 0.5]);
    return { min: image.cal_min, max: image.cal_max };
  }

  async #read(bytes, name) {
    try {
      return await this.#library.NVImage.loadFromFile({ file: new File([bytes], name), name, colormap: 'gray' });
    } catch {
      throw new Error('it is damaged, or of a kind that cannot be shown');
    }
  }

  /**
   * A label map of the image's own grid over it. It goes where NiiVue keeps drawings: that layer alone has an opacity
   * for each label.
   */
  async showLabels(bytes, name, classes) {
    const [image] = this.#niivue.volumes;
    const labels = await this.#read(bytes, name);
    if (this.#niivue.volumes[0] !== image) return;  // another was opened meanwhile
    this.#home = null;
    if (!this.#niivue.loadDrawing(labels)) throw new Error('it has another size than the image');
    this.paint(classes);
  }

  hideLabels() {
    this.#home = null;
    if (this.#niivue.drawBitmap) this.#niivue.closeDrawing();
  }

  /** classes: [{name, colour: "#rrggbb", opacity: 0 to 1}] by label. */
  paint(classes) {
    const nv = this.#niivue;
    if (!nv.drawBitmap) return;
    const part = (i) => classes.map(({ colour }) => Number.parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16));
    nv.drawLut = this.#library.cmapper.makeDrawLut({
      R: part(0),
      G: part(1),
      B: part(2),
      A: classes.map(({ opacity }, label) => (label === 0 ? 0 : Math.round(255 * opacity))),
      labels: classes.map(({ name }) => name),
    });
    nv.refreshColormaps();
    nv.drawScene();
  }

  /** In the planes; the 3D view stays as it is. */
  setOutline(on) {
    const nv = this.#niivue;
    nv.drawRimOpacity = on ? 1 : -1;
    nv.setDrawOpacity(on ? 0.004 : 1);
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
    const [image] = this.#niivue.volumes;
    if (!image) return;
    const mm = image.hdr.affine.slice(0, 3).map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
    this.#home = this.#niivue.mm2frac(mm);
    this.#goTo(this.#home);
  }

  /** vox: in the order that NiiVue keeps voxels in. */
  #labelAt([x, y, z]) {
    const { drawBitmap, volumes } = this.#niivue;
    if (!drawBitmap || !volumes.length) return null;
    const [, nx, ny] = volumes[0].dimsRAS;
    return drawBitmap[x + nx * (y + ny * z)] ?? null;
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
