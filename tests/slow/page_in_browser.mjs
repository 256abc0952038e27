// page_in_browser.mjs CHROMIUM URL KEY IMAGE SHOTS: opens the page of a running `nnunet serve` in Chromium and uses it as people
// do, by mouse and by keyboard alone. Ends with 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import puppeteer from 'puppeteer-core';
import { seriesOf } from './page_study.mjs';

const [chromium, url, key, image, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const work = mkdtempSync(join(tmpdir(), 'page-'));
const headers = { Authorization: `Bearer ${key}` };

const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--no-proxy-server', '--disable-background-networking', '--use-gl=angle',
    '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--disable-gpu-watchdog'],  // software that draws slowly beside other work does not hang
});

// Contrasts are looked at, so nothing may be half-way between two colours.
const calm = [{ name: 'prefers-reduced-motion', value: 'reduce' }];
const complaints = [];  // of the browser: errors, refused by the policy, requests elsewhere

async function open() {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  await page.setViewport({ width: 1360, height: 860 });
  await page.emulateMediaFeatures(calm);
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // The browser reports each refused request; those that are meant to be refused are looked at below.
    if (message.type() === 'error' && !/status of 40[01]/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && origin !== url) complaints.push(`asked ${request.url()}`);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI));
  });
  return page;
}

/** Waits until a function is true in the page: looked at by the clock, since a busy machine may draw no frame for long. */
async function until(page, condition, ...values) {
  try {
    await page.waitForFunction(condition, { polling: 20 }, ...values);
  } catch (error) {
    const [alert, status] = await Promise.all(['alert', 'status'].map((id) => text(page, id)));
    throw new Error(`${error.message}: ${condition}; alert "${alert}", status "${status}", browser "${complaints.join('; ')}"`);
  }
}

const text = (page, id) => page.$eval(`#${id}`, (e) => e.textContent);
const enabled = (page, id) => until(page, (i) => !document.getElementById(i).disabled, id);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function giveKey(page, value) {
  await page.waitForSelector('#key-dialog[open]');
  await page.type('#key', value);
  await page.keyboard.press('Enter');
}

async function shot(page, name) {
  if (shots === '/nonexistent') return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

/** What the canvas shows: how many pixels are not black, and how many have a colour. */
async function pixels(page) {
  await pause(500);
  const canvas = await page.$('#canvas');
  const png = await canvas.screenshot({ encoding: 'base64' });
  return page.evaluate(async (data) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${data}`;
    await picture.decode();
    const copy = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    copy.drawImage(picture, 0, 0);
    const { data: values } = copy.getImageData(0, 0, picture.width, picture.height);
    const found = { bright: 0, coloured: 0 };
    for (let i = 0; i < values.length; i += 4) {
      const rgb = values.subarray(i, i + 3);
      if (Math.max(...rgb) > 24) ++found.bright;
      if (Math.max(...rgb) - Math.min(...rgb) > 48) ++found.coloured;
    }
    return found;
  }, png);
}

async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run(document));
  const list = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' ').slice(0, 300)}`);
  assert.deepEqual(list, [], `accessibility, ${what}`);
  assert.ok(passes.length > 15);
  console.log(`ok: axe, ${what}: ${passes.length} rules, no violation`);
}

/** The label map that the server gives for a file, and mL per class. */
async function expected(file) {
  const reply = await fetch(`${url}/v1/segment/model`, { method: 'POST', headers, body: file });
  assert.equal(reply.status, 200);
  const bytes = Buffer.from(await reply.arrayBuffer());
  const map = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
  const ml = [1, 2, 3].reduce((product, i) => product * map.readFloatLE(76 + 4 * i), 1) / 1000;
  const counts = new Array(256).fill(0);
  for (const label of map.subarray(map.readFloatLE(108))) ++counts[label];
  return { bytes, ml: counts.map((n) => n * ml) };
}

/** How many jobs the server has in a state. */
async function jobs(state) {
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  return Number(metrics.match(new RegExp(`nnunet_jobs\\{state="${state}"\\} (\\d+)`))[1]);
}

/** The values of label maps that the server names, in the order of the page's rows. */
const listed = (await (await fetch(`${url}/v1/models`, { headers })).json()).find(({ name }) => name === 'model').structures;
const close = (ml, i, truth) => Math.abs(ml - truth.ml[listed[i].value]) <= 0.0051 + truth.ml[listed[i].value] * 5e-4;
const names = (page) => page.$$eval('#classes .go', (buttons) => buttons.map((button) => button.textContent));
const volumes = (page) => page.$$eval('#classes .number', (cells) => cells.map((cell) => Number(cell.textContent)));
const segmented = (page) => page.waitForFunction(() => !document.getElementById('result').hidden);

// --- the key ---

const page = await open();
await page.goto(url);
await giveKey(page, 'wrong');
await until(page, () => document.getElementById('key-reason').textContent.includes('did not accept'));
await accessible(page, 'asked for a key');
await giveKey(page, key);
await enabled(page, 'sample');
assert.equal(await page.$eval('#model', (e) => e.value), 'model');
assert.equal(await page.$eval('#segment', (e) => e.disabled), true);
assert.match(await text(page, 'empty'), /Open an image/);
await accessible(page, 'empty');
await shot(page, 'empty');

// --- a broken file ---

const broken = join(work, 'broken.nii.gz');
const whole = readFileSync(image);
const chooser = await page.$('#file');
for (const [what, bytes] of [['no NIfTI file', Buffer.from('this is not an image\n'.repeat(40))],
  ['half a file', whole.subarray(0, whole.length / 2)]]) {
  writeFileSync(broken, bytes);
  await chooser.uploadFile(broken);
  await until(page, () => document.getElementById('alert').textContent.includes('broken.nii.gz'));
  const alert = await page.$eval('#alert', (e) => ({ role: e.role, shown: e.checkVisibility(), text: e.textContent }));
  assert.equal(alert.role, 'alert');
  assert.ok(alert.shown);
  console.log(`ok: ${what}: ${alert.text}`);
}
await accessible(page, 'an error');
await shot(page, 'error');

// --- a real image ---

await chooser.uploadFile(image);
await enabled(page, 'segment');
assert.equal(await text(page, 'alert'), '');
assert.match(await text(page, 'facts'), new RegExp(basename(image).replaceAll('.', '\\.')));
const before = await pixels(page);
assert.ok(before.bright > 20000, `${before.bright} bright pixels of the image`);

const done = await jobs('done');
const truth = await expected(whole);
const client = await page.createCDPSession();
await client.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: work, browserContextId: page.browserContext().id });
await page.focus('#segment');
await page.keyboard.press('Enter');
await segmented(page);
const shown = await volumes(page);
assert.ok(shown.some((ml) => ml > 0));
shown.forEach((ml, i) => assert.ok(close(ml, i, truth), `label ${listed[i].value}: ${ml} mL, not ${truth.ml[listed[i].value]}`));
assert.deepEqual(await names(page), listed.map(({ value, name }) => name.replaceAll('_', ' ') || `label ${value}`));
assert.equal(truth.ml.filter((ml, value) => value > 0 && ml > 0 && !listed.some((structure) => structure.value === value)).length, 0);
assert.match(await text(page, 'status'), /^Segmented by model/);
const overlay = await pixels(page);
assert.ok(overlay.coloured > before.coloured + 3000, `overlay: ${before.coloured} -> ${overlay.coloured} coloured pixels`);
console.log(`ok: ${basename(image)}: ${shown.join(', ')} mL as the server says; ${overlay.coloured - before.coloured} pixels of overlay`);
await accessible(page, 'with a result');
await shot(page, 'result');

await page.click('#download');
const name = basename(image).replace(/\.nii(\.gz)?$/, '_model.nii$1');
for (let i = 0; !readdirSync(work).includes(name); ++i) {
  assert.ok(i < 100, `${name} was not downloaded`);
  await pause(100);
}
await pause(200);
assert.ok(readFileSync(join(work, name)).equals(truth.bytes));
assert.equal(await jobs('done'), done, 'the server keeps the result');
console.log(`ok: ${name} downloaded, byte for byte what the server answers`);

// --- by keyboard alone: each control can be reached, is seen to have the focus, and works ---

await page.focus('.skip');  // the first of all
const order = [];
for (let i = 0; i < 60; ++i) {
  await page.keyboard.press('Tab');
  const at = await page.evaluate(() => {
    const e = document.activeElement;
    if (e === document.body) return null;
    // The focus of a hidden input is drawn on the label that stands for it.
    const drawn = [e, e.nextElementSibling].some((x) => x && getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) >= 2);
    const label = e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent.trim() ?? e.textContent.trim();
    return { id: e.id || e.name || label, drawn, label };
  });
  if (at === null) break;
  assert.ok(at.drawn, `the focus of ${at.id} is not seen`);
  assert.ok(at.label, `${at.id} has no label`);
  order.push(at.id);
}
const position = (id) => {
  assert.ok(order.includes(id), `${id} cannot be reached by Tab: ${order.join(', ')}`);
  return order.indexOf(id);
};
const walk = ['help-open', 'file', 'sample', 'model', 'segment', 'overall', 'outline', 'download', 'view', 'level', 'width', 'radiological', 'canvas'];
walk.map(position).forEach((at, i, all) => assert.ok(i === 0 || at > all[i - 1], `${walk[i]} comes before ${walk[i - 1]}`));
console.log(`ok: Tab goes through ${order.length} controls in order`);

await page.focus('#canvas');
for (const [one, other] of [['ArrowLeft', 'ArrowRight'], ['ArrowUp', 'ArrowDown'], ['PageDown', 'PageUp']]) {
  await page.keyboard.press(one);  // to the image's end, perhaps
  const there = await text(page, 'readout');
  await page.keyboard.press(other);
  await until(page, (was) => document.getElementById('readout').textContent !== was, there);
}
await page.keyboard.press('v');  // a key of NiiVue's own: not on this page
await page.keyboard.press('Home');

const boxes = await page.$$('#classes input[type="checkbox"]');
for (const box of boxes) {
  await box.focus();
  await page.keyboard.press('Space');
}
const hidden = await pixels(page);
assert.ok(Math.abs(hidden.coloured - before.coloured) < 300, `hidden: ${hidden.coloured}, at first ${before.coloured}`);
for (const box of boxes) {
  await box.focus();
  await page.keyboard.press('Space');
}
await page.focus('#overall');
await page.keyboard.press('Home');
assert.ok((await pixels(page)).coloured < before.coloured + 300, 'opacity 0 hides');
await page.keyboard.press('End');
const opaque = await pixels(page);
assert.ok(opaque.coloured > before.coloured + 3000, 'opacity 100 shows');
await page.focus('#outline');
await page.keyboard.press('Space');
const outline = await pixels(page);
assert.ok(outline.coloured > before.coloured + 300 && outline.coloured < 0.9 * opaque.coloured, `outlines: ${outline.coloured} of ${opaque.coloured}`);
await page.keyboard.press('Space');
const first = await page.$('#classes input[type="range"]');
await first.focus();
await page.keyboard.press('Home');
assert.ok((await pixels(page)).coloured < opaque.coloured, 'one structure by itself');
await page.keyboard.press('End');

await page.focus('input[name="view"]');
for (const view of ['axial', 'coronal', 'sagittal', '3d', 'all']) {
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.$eval('input[name="view"]:checked', (e) => e.value), view);
  const seen = await pixels(page);
  assert.ok(seen.bright > 20000 && seen.coloured > before.coloured + 300, `${view}: ${JSON.stringify(seen)}`);
  if (view === '3d') await shot(page, 'render');
}
await page.focus('#overall');
await page.keyboard.press('Home');
await page.focus('#level');
await page.$eval('#level', (e) => e.select());
await page.keyboard.type('1000000');
await page.keyboard.press('Enter');
assert.ok((await pixels(page)).bright < before.bright / 2, 'a level far above leaves the image black');
await page.focus('#window-reset');
await page.keyboard.press('Enter');
assert.ok((await pixels(page)).bright > 20000);
await page.focus('#help-open');
await page.keyboard.press('Enter');
await page.waitForSelector('#help[open]');
await accessible(page, 'help');
await page.keyboard.press('Escape');
console.log('ok: structures, opacity, outlines, views, window and help by keyboard');

// --- a long one is cancelled ---

/** A NIfTI file of noise. */
function noise(name, dims) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [dims.length, ...dims, 1, 1, 1, 1].slice(0, 8).forEach((v, i) => header.writeInt16LE(v, 40 + 2 * i));
  header.writeInt16LE(2, 70);
  header.writeInt16LE(8, 72);
  [1, 1, 1, 1].forEach((v, i) => header.writeFloatLE(v, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.write('n+1\0', 344, 'latin1');
  const voxels = Buffer.alloc(dims.reduce((x, y) => x * y, 1));
  for (let i = 0, v = 1; i < voxels.length; ++i) voxels[i] = v = (v * 73 + 41 + (i >> 8) + (i >> 15)) & 255;
  writeFileSync(join(work, name), Buffer.concat([header, voxels]));
  return join(work, name);
}

const cancelled = await jobs('cancelled');
const large = noise('large.nii', [224, 224, 224]);
await chooser.uploadFile(large);
await until(page, () => document.getElementById('facts').textContent.includes('large.nii'));
await enabled(page, 'segment');
await page.focus('#segment');
await page.keyboard.press('Enter');
await until(page, () => !document.getElementById('work').hidden && document.getElementById('progress').value > 0
  && document.getElementById('status').textContent === 'Segmenting…');
await shot(page, 'progress');
assert.equal(await page.evaluate(() => document.activeElement.id), 'cancel');
await accessible(page, 'at work');
await page.keyboard.press('Enter');
await until(page, () => document.getElementById('status').textContent === 'Cancelled.');
assert.equal(await page.evaluate(() => document.activeElement.id), 'segment');
for (let i = 0; await jobs('running') > 0 || await jobs('cancelled') === cancelled; ++i) {
  assert.ok(i < 300, 'the job goes on');
  await pause(100);
}
console.log('ok: cancelled, also on the server');

// --- an image that does not fit the model: the server says so ---

await chooser.uploadFile(noise('channels.nii', [32, 32, 32, 7]));
await until(page, () => document.getElementById('facts').textContent.includes('7 channels'));
await enabled(page, 'segment');
assert.match(await text(page, 'model-hint'), /does not fit/);
const value = await text(page, 'readout');
await page.select('#channel', '6');
await until(page, (was) => document.getElementById('readout').textContent !== was, value);
await page.click('#segment');
await until(page, () => document.getElementById('alert').textContent !== '');
assert.match(await text(page, 'alert'), /could not be segmented.*channel/);
console.log(`ok: ${await text(page, 'alert')}`);

// --- DICOM: the files of a series, and a choice of two ---

const study = seriesOf(whole, '1.2.3.41');
const other = seriesOf(whole, '1.2.3.42');
const written = (files) => files.map((file) => {
  writeFileSync(join(work, file.name), file.bytes);
  return join(work, file.name);
});
const form = new FormData();
for (const { bytes } of study) form.append('file', new Blob([bytes]), 'x.dcm');
const labels = await expected(form);
const sent = [];
page.on('request', (request) => request.method() === 'POST' && sent.push(`${request.url()} ${request.postData() ?? ''}`));

await chooser.uploadFile(...written(study));
await until(page, () => document.getElementById('facts').textContent.includes('study'));
assert.equal(await text(page, 'alert'), '');
const inside = await pixels(page);
assert.ok(inside.bright > 20000, `${inside.bright} bright pixels of the series`);
await enabled(page, 'segment');
await page.click('#segment');
await segmented(page);
(await volumes(page)).forEach((ml, i) => assert.ok(close(ml, i, labels), `label ${listed[i].value}: ${ml} mL, not ${labels.ml[listed[i].value]}`));
assert.ok(labels.ml.some((ml, value) => value > 0 && ml > 0));
await page.focus('#overall');
await page.keyboard.press('End');
assert.ok((await pixels(page)).coloured > inside.coloured + 3000, 'the overlay of the series is seen');
await accessible(page, 'a DICOM study');
await shot(page, 'dicom');
for (const [button, file] of [['#download', 'study_model.nii.gz'], ['#download-object', 'study_model.dcm']]) {
  await page.click(button);
  for (let i = 0; !readdirSync(work).includes(file); ++i) {
    assert.ok(i < 100, `${file} was not downloaded`);
    await pause(100);
  }
}
await pause(200);
assert.ok(readFileSync(join(work, 'study_model.nii.gz')).equals(labels.bytes), 'another label map than the server answers');
assert.equal(readFileSync(join(work, 'study_model.dcm')).toString('latin1', 128, 132), 'DICM');
assert.ok(readFileSync(join(work, 'study_model.dcm')).includes('1.2.3.41'), 'the object refers to the series');

await chooser.uploadFile(...written([...study, ...other]));
await until(page, () => !document.getElementById('series-line').hidden);
assert.equal(await page.$$eval('#series option', (options) => options.length), 3);
assert.ok(await page.$eval('#segment', (e) => e.disabled), 'nothing is open before the choice');
await accessible(page, 'a choice of series');
await shot(page, 'series');
await page.select('#series', '1.2.3.42');
await enabled(page, 'segment');
await until(page, () => document.getElementById('result').hidden);
await page.click('#segment');
await segmented(page);
assert.ok(sent.some((request) => request.includes('dicom_series=1.2.3.42')));
assert.ok(sent.every((request) => !request.includes('Smith_') && !request.includes('SmithJane_')), 'names of files are sent');
console.log(`ok: a DICOM series by its files, ${(await volumes(page)).join(', ')} mL, one of two chosen`);

// --- a file is dropped ---

await page.evaluate((data) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], 'dropped.nii.gz'));
  for (const type of ['dragenter', 'dragover', 'drop']) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }
}, whole.toString('base64'));
await until(page, () => document.getElementById('facts').textContent.includes('dropped.nii.gz'));
assert.equal(await text(page, 'alert'), '');

// --- the sample, dark, on a narrow screen ---

await page.click('#sample');
await until(page, () => document.getElementById('facts').textContent.includes('sample.nii.gz'));
await enabled(page, 'segment');
await page.click('#segment');
await segmented(page);
const sample = await expected(Buffer.from(await (await fetch(`${url}/v1/sample/model`, { headers })).arrayBuffer()));
(await volumes(page)).forEach((ml, i) => assert.ok(close(ml, i, sample)));
await pause(500);
await page.mouse.move(200, 840);
await shot(page, 'sample');
await page.emulateMediaFeatures([...calm, { name: 'prefers-color-scheme', value: 'dark' }]);
await accessible(page, 'dark');
await shot(page, 'dark');
await page.setViewport({ width: 390, height: 844 });
await pause(500);
assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'a narrow screen need not be scrolled sideways');
await accessible(page, 'narrow');
if (shots !== '/nonexistent') await page.screenshot({ path: join(shots, 'narrow.png'), fullPage: true });
assert.deepEqual(complaints, []);
console.log('ok: the browser has nothing to complain about, and asked nobody else');

// --- without the viewer ---

const bare = await open();
await bare.setRequestInterception(true);
bare.on('request', (request) => (request.url().endsWith('/niivue.js') ? request.respond({ status: 404 }) : request.continue()));
await bare.goto(url);
await giveKey(bare, key);
await until(bare, () => document.getElementById('empty').textContent.includes('not installed'));
await (await bare.$('#file')).uploadFile(image);
await enabled(bare, 'segment');
await bare.click('#segment');
await segmented(bare);
assert.deepEqual(await volumes(bare), shown);
await accessible(bare, 'without the viewer');
await shot(bare, 'bare');
console.log('ok: without the viewer the page says so, and still segments');

await browser.close();
