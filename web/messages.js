// What the page tells and asks the user.

import { element, make } from './text.js';

/** Says what went wrong, until it is closed; retry: what a second button does. An empty text takes it away. */
export function alert(text, retry = null) {
  const box = element('alert');
  box.replaceChildren();
  if (!text) return;
  const button = (label, action) => {
    const made = make('button', { type: 'button', textContent: label });
    made.addEventListener('click', () => { alert(''); action(); });
    return made;
  };
  const buttons = make('span', { className: 'actions' });
  if (retry) buttons.append(button('Try again', retry));
  buttons.append(button('Close', () => {}));
  box.append(make('span', { textContent: text }), buttons);
}

/** Says what is going on. Only changes: a reader that speaks it shall not repeat itself. */
export function say(text) {
  if (element('status').textContent !== text) element('status').textContent = text;
}

/** A promise of the server's key, or of null when the user has none. again: the last one was not accepted. */
export function askKey(again) {
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
