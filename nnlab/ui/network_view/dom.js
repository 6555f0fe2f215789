/* Small helpers to make elements. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; attributes that begin with "on" are listeners, undefined ones are left out. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Change a text, unless it is the same: any change costs a layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const mark = (one) => `${one.tagName} ${one.dataset.unit || one.className || one.ariaLabel || one.textContent}`;

/**
 * Do what may replace elements below `host`; then the element that stands for the one with the focus has it, with what
 * was typed so far.
 */
export function keepFocus(host, change) {
  const had = host.activeElement;
  change();
  if (!had || had === host.activeElement) return;
  const now = had.isConnected ? had : [...host.querySelectorAll(had.tagName)].find((one) => mark(one) === mark(had));
  if (!now) return;
  now.focus({ preventScroll: true });
  if (now === had || now.type !== "text") return;
  now.value = had.value;
  now.setSelectionRange(had.selectionStart, had.selectionEnd);
}

/** A canvas scaled to the screen's pixels, cleared, whose units are CSS pixels. */
export function pen(canvas, width, height) {
  const scale = Math.min(2, globalThis.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
