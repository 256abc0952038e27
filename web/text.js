// Words and numbers as the page shows them, and its elements.

export const element = (id) => document.getElementById(id);

/** A new element with these properties and children. */
export function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const readable = (name) => name.replaceAll('_', ' ');
/** What a structure of a label map is called. */
export const nameOf = ({ value, name }) => (name ? readable(name) : `label ${value}`);
export const plural = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
export const decimals = (value, n) => value.toLocaleString('en', { minimumFractionDigits: n, maximumFractionDigits: n });

export function size(bytes) {
  const units = ['bytes', 'KB', 'MB', 'GB'];
  let i = 0;
  for (; bytes >= 1000 && i < 3; ++i) bytes /= 1000;
  return `${i === 0 ? bytes : bytes.toPrecision(3)} ${units[i]}`;
}
