// What is asked of a page inside the browser. Runs there, so it may use nothing of the outside.

/** Everything wrong with the page, one sentence each. */
export function look({ tags, hosts, narrow, styled }) {
  const wrong = [];
  const elements = [...document.querySelectorAll('*')];
  const words = (element) => `<${element.localName}> “${(element.textContent || '').trim().slice(0, 60)}”`;

  for (const element of elements) {
    if (!tags.includes(element.localName)) wrong.push(`there is an element of the server's: ${words(element)}`);
    for (const { name } of element.attributes) {
      if (name.startsWith('on') || name === 'style') wrong.push(`${words(element)} has the attribute ${name}`);
    }
  }

  const ids = elements.map((element) => element.id).filter(Boolean);
  for (const id of new Set(ids)) {
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`two elements are called ${id}`);
  }
  for (const link of document.querySelectorAll('a')) {
    const to = link.getAttribute('href');
    if (to.startsWith('#') ? !ids.includes(to.slice(1)) : !hosts.some((host) => to.startsWith(`https://${host}/`))) {
      wrong.push(`${words(link)} leads to ${to}`);
    }
  }

  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const next = Number(heading.localName[1]);
    // The evidence has headings of its own below whatever it stands in.
    if (next > level + 1 && next !== 5) wrong.push(`${words(heading)} comes after a heading of level ${level}`);
    level = next;
  }
  for (const table of document.querySelectorAll('table')) {
    if ([...table.querySelectorAll('th')].some((cell) => !cell.scope)) wrong.push(`${words(table)} has a head without scope`);
  }

  const width = document.documentElement.clientWidth;
  // Without style nothing breaks the lines of what was sent.
  if (styled && document.documentElement.scrollWidth > width) {
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);
    for (const element of elements) {
      if (element.getBoundingClientRect().right > width + 1 && !element.closest('.scroll')) wrong.push(`  ${words(element)}`);
    }
  }
  if (narrow) {
    for (const box of document.querySelectorAll('pre, code, td, th, p, li, h1, h2, h3, h4')) {
      if (box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && !box.closest('.scroll')) wrong.push(`text runs out of ${words(box)}`);
    }
  }

  // Contrast, WCAG 2.2 §1.4.3: at least 4.5, of large text 3.
  const channels = (colour) => {
    const found = colour.match(/[\d.]+/g).map(Number);
    return { rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1 };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, alpha } = channels(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255];
  };
  const told = new Set();
  for (const element of elements) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest('head')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(channels(style.color).rgb), luminance(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const what = `${element.localName}.${element.className} in ${element.parentElement.localName}.${element.parentElement.className}`;
    if (contrast < (large ? 3 : 4.5) && !told.has(what)) {
      told.add(what);
      wrong.push(`contrast of ${what} is ${contrast.toFixed(2)}: ${words(element)}`);
    }
  }
  return wrong;
}
