// The colours of label maps. The pictures that the program draws take theirs from the same file.

const { few, many } = await (await fetch(new URL('palette.json', import.meta.url))).json();

/** The colour of class 1 .. classes - 1, as '#rrggbb'; black for the background. */
export function colourOf(label, classes) {
  if (label === 0) return '#000000';
  const colours = classes - 1 <= few.length ? few : many;
  return colours[(label - 1) % colours.length];
}
