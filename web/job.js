// One segmentation on the server at a time: its progress, its end, its cancellation.

import { ApiError } from './api.js';
import { alert, say } from './messages.js';
import { decimals, element, readable } from './text.js';

export class Job {
  #api;
  #running = null;  // AbortController
  #changed;

  /** changed(): called when a job has begun or ended. */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  get runs() {
    return this.#running !== null;
  }

  /** show({labels, object}): takes the label map, and of a DICOM study the object. */
  async run(model, image, show) {
    const running = new AbortController();
    this.#running = running;
    alert('');
    this.#work({ stage: 'sending', progress: 0 });
    this.#changed();
    element('cancel').focus();
    let message = '';
    const started = performance.now();
    try {
      const result = await this.#api.segment(model.name, image, (at) => this.#running === running && this.#work(at), running.signal);
      await show(result);
      const seconds = (performance.now() - started) / 1000;
      message = `Segmented by ${readable(model.name)} in ${decimals(seconds, seconds < 10 ? 1 : 0)} s.`;
    } catch (error) {
      if (this.#running !== running) return;
      if (error.name === 'AbortError') message = 'Cancelled.';
      else alert(this.#explain(error), error.status === 400 ? null : () => this.run(model, image, show));
    }
    if (this.#running !== running) return;
    say(message);
    this.stop();
  }

  cancel() {
    this.#running?.abort();
  }

  /** Takes the progress away; a job that still runs is no longer listened to. */
  stop() {
    const focused = document.activeElement === element('cancel');
    this.#running = null;
    element('work').hidden = true;
    this.#changed();
    if (focused) element('segment').focus();
  }

  #work({ stage, progress }) {
    element('work').hidden = false;
    const bar = element('progress');
    if (stage === 'queued') bar.removeAttribute('value');
    else bar.value = progress;
    element('percent').textContent = stage === 'queued' ? '' : `${Math.floor(100 * progress)} %`;
    say({
      sending: 'Sending the image…',
      queued: 'Waiting for other images…',
      running: progress > 0 ? 'Segmenting…' : 'Preparing the image…',
    }[stage]);
  }

  #explain(error) {
    if (!(error instanceof ApiError)) return `The result could not be read: ${error.message}.`;
    if (error.status === 413) return `The image is too large for this server. ${error.message}`;
    if (error.status === 429) return `The server is busy. ${error.message}`;
    return error.status === 0 ? error.message : `The image could not be segmented. ${error.message}`;
  }
}
