/* The picture as a file: the network and what it says, as PNG or as SVG. */

import { element } from "./dom.js";
import { lineLook } from "./drawing.js";

const GAP = 24, SCALE = 2, FACE = 80;

export function saveButtons(view) {
  const { words } = view.film;
  return ["PNG", "SVG"].map((kind) => element("button", { type: "button", onclick: () => save(view, kind) }, `${words.save} ${kind}`));
}

function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function save(view, kind) {
  const name = `nnlab-${view.film.id}-${view.epoch}.${kind.toLowerCase()}`, text = picture(view);
  if (kind === "SVG") return download(new Blob([text.svg], { type: "image/svg+xml" }), name);
  const image = new Image();
  image.onload = () => {
    const canvas = element("canvas", { width: text.width * SCALE, height: text.height * SCALE });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => download(blob, name));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text.svg)}`;
}

/** The view as SVG: lines and captions as shapes, the pictures of the units embedded. */
export function picture(view) {
  const { drawing, result, palette, weights } = view, { layout } = drawing;
  const height = drawing.canvas.clientHeight, right = layout.width + GAP, parts = [];
  for (const line of drawing.lines) {
    const { colour, opacity, width, dash } = lineLook(view, line, weights), middle = (line.x1 + line.x2) / 2;
    const stroke = `stroke="rgb(${colour.map(Math.round).join()})" stroke-opacity="${opacity.toFixed(2)}" stroke-width="${width.toFixed(2)}" stroke-dasharray="${dash.join(" ") || "none"}"`;
    parts.push(`<path d="M${line.x1} ${line.y1}C${middle} ${line.y1} ${middle} ${line.y2} ${line.x2} ${line.y2}" fill="none" stroke-linecap="round" ${stroke}/>`);
  }
  const face = element("canvas", { width: FACE, height: FACE }).getContext("2d");
  for (const name of drawing.faces.keys()) {
    const [layer, unit] = name.split("/").map(Number), column = layout.columns[layer], { y } = column.units.find((one) => one.unit === unit);
    drawing.responses.face(face, [0, 0, FACE], layer, unit, weights);
    parts.push(`<image x="${column.x - layout.side / 2}" y="${y - layout.side / 2}" width="${layout.side}" height="${layout.side}" href="${face.canvas.toDataURL()}"/>`);
  }
  for (const label of drawing.box.querySelectorAll(".label")) {
    const anchor = label.classList.contains("left") ? "end" : label.classList.contains("right") ? "start" : "middle";
    parts.push(`<text x="${parseFloat(label.style.left)}" y="${parseFloat(label.style.top) + 4}" text-anchor="${anchor}" font-size="11" font-family="sans-serif" fill="${palette.css.faint}">${escape(label.textContent)}</text>`);
  }
  let width = layout.width;
  if (result.canvas.isConnected) {
    const w = result.canvas.clientWidth, h = result.canvas.clientHeight;
    parts.push(`<image x="${right}" y="0" width="${w}" height="${h}" href="${result.canvas.toDataURL()}"/>`);
    width = right + w;
  }
  const [r, g, b] = palette.paper;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="rgb(${r},${g},${b})"/>${parts.join("")}</svg>`;
  return { svg, width, height };
}

const escape = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
