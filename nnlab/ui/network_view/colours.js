/* Colours as [red, green, blue], and ramps of them. */

export const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
export const css = (colour, opacity = 1) => `rgb(${colour.map(Math.round).join(" ")} / ${opacity})`;
export const between = (a, b, share) => a.map((value, k) => value + (b[k] - value) * share);

/** The colours of one theme, from the names and lists that the page sends. */
export class Palette {
  constructor(colours, paper) {
    Object.assign(this, colours);
    this.paper = paper;
    this.stops = colours.diverging.map(rgb);
    this.stops[(this.stops.length - 1) / 2] = between(this.stops[(this.stops.length - 1) / 2], paper, 0.5);
    this.classes = colours.classes.map(rgb);
    this.ramp = Array.from({ length: 257 }, (_, k) => this.mix(k / 128 - 1));
    this.words = new Uint32Array(Uint8ClampedArray.from(this.ramp.flatMap((colour) => [...colour, 255])).buffer); // as pixels
  }

  mix(share) {
    const at = ((share + 1) / 2) * (this.stops.length - 1), k = Math.min(this.stops.length - 2, at | 0);
    return between(this.stops[k], this.stops[k + 1], at - k);
  }

  /** Blue below zero, orange above, the middle at zero; value / limit in -1..1. */
  signed(share) {
    return this.ramp[Math.round(128 * Math.max(-1, Math.min(1, share || 0))) + 128];
  }

  /** A line of a weight: strong enough to be seen on the page. */
  line(share) {
    return this.mix((share < 0 ? -1 : 1) * (0.45 + 0.55 * Math.min(1, Math.abs(share))));
  }
}
