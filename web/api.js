// Talks to the server. All addresses are relative, so that the page also works behind a prefix.

const keyName = 'nnunet-api-key';

/** What the server refused, in its own words. status 0: it could not be reached. */
export class ApiError extends Error {
  /** series: of a study that has several, [{uid, modality, shape: [z, y, x], apart: what tells volumes of one series apart}]. */
  constructor(status, message, series = []) {
    super(message);
    this.status = status;
    this.series = series;
  }
}

function keyHeader() {
  const key = sessionStorage.getItem(keyName);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

function send(method, path, { body = null, onUpload = () => {}, signal = null } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();  // fetch does not tell how much was sent
    request.open(method, path);
    request.responseType = 'arraybuffer';
    for (const [name, value] of Object.entries(keyHeader())) request.setRequestHeader(name, value);
    let sent = false;
    request.upload.onprogress = (e) => e.lengthComputable && onUpload(e.loaded / e.total);
    request.upload.onload = () => { sent = true; };
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError(0, 'The server cannot be reached.'));
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    // Once the server has the image its answer is waited for: it names the job that is to be cancelled.
    signal?.addEventListener('abort', () => { if (!sent) request.abort(); }, { once: true });
    request.send(body);
  });
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

function failure(request) {
  try {
    const { error, series } = JSON.parse(new TextDecoder().decode(request.response));
    return new ApiError(request.status, error, series);
  } catch {
    return new ApiError(request.status, `The server answered ${request.status} ${request.statusText}.`);
  }
}

export class Api {
  /** askKey(again): a promise of the key, or of null when the user has none. */
  constructor(askKey) {
    this.askKey = askKey;
  }

  async bytes(method, path, options) {
    return (await this.#answer(method, path, options)).response;
  }

  async #answer(method, path, options) {
    for (;;) {
      const request = await send(method, path, options);
      if (request.status === 401) {
        const key = await this.askKey(sessionStorage.getItem(keyName) !== null);
        if (key === null) throw failure(request);
        sessionStorage.setItem(keyName, key);
        continue;
      }
      if (request.status < 200 || request.status > 299) throw failure(request);
      return request;
    }
  }

  async json(method, path, options) {
    return JSON.parse(new TextDecoder().decode(await this.bytes(method, path, options)));
  }

  models() {
    return this.json('GET', 'v1/models');
  }
  sample(model) {
    return this.bytes('GET', `v1/sample/${encodeURIComponent(model)}`);
  }

  /** The image of a DICOM study, as NIfTI. series: UID, or '' for the only one. Resolves with {bytes, warnings}. */
  async studyImage(body, series) {
    const request = await this.#answer('POST', `v1/image${series && `?dicom_series=${series}`}`, { body });
    return { bytes: request.response, warnings: request.getResponseHeader('Nnunet-Warnings') ?? '' };
  }

  /**
   * Segments an image {blob}, or {study: {body, series}} of DICOM, as a job; resolves with the bytes of the label map
   * and of the study's object, {labels, object}, which may be null. watch({stage, progress}): stage is "sending",
   * "queued" or "running". When the signal is aborted the job is cancelled.
   */
  async segment(model, image, watch, signal) {
    if (!image.study) return this.#segment(model, image.blob, '', watch, signal);
    const { body, series } = image.study;
    const chosen = series && `&dicom_series=${series}`;
    try {
      return await this.#segment(model, body, `${chosen}&dicom_seg=binary`, watch, signal);
    } catch (error) {
      if (error.status !== 501) throw error;  // it cannot write objects
      return this.#segment(model, body, chosen, watch, signal);
    }
  }

  async #segment(model, body, query, watch, signal) {
    const started = await this.json('POST', `v1/segment/${encodeURIComponent(model)}?async=1${query}`, {
      body,
      signal,
      onUpload: (progress) => watch({ stage: 'sending', progress }),
    });
    const job = `v1/jobs/${started.id}`;
    try {
      signal.throwIfAborted();
      const state = await this.#wait(job, watch, signal);
      if (state.state === 'failed') throw new ApiError(400, state.error);
      if (state.state !== 'done') throw new ApiError(409, 'The segmentation was cancelled on the server.');
      const result = await this.bytes('GET', `${job}/result`, { signal });
      if (!state.label_map) return { labels: result, object: null };
      return { labels: await this.bytes('GET', `${job}/label_map`, { signal }), object: result };
    } finally {
      // Cancels it, or has the server forget the result, also when the page is being closed.
      fetch(job, { method: 'DELETE', keepalive: true, headers: keyHeader() }).catch(() => {});
    }
  }

  async #wait(job, watch, signal) {
    for (let lost = 0; ;) {
      await pause(250, signal);
      try {
        const state = await this.json('GET', job, { signal });
        if (state.state !== 'queued' && state.state !== 'running') return state;
        watch({ stage: state.state, progress: state.progress });
        lost = 0;
      } catch (error) {
        // A connection that breaks for a moment does not end a long job.
        if (error.status !== 0 || ++lost > 20) throw error;
        await pause(750, signal);
      }
    }
  }
}
