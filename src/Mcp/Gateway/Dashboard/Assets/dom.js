// Elements from data. Data becomes text and nothing else: there is no way from a string to markup here.

const NotSet = new Set(["style", "innerHTML", "outerHTML", "srcdoc"]);

/** An element: attributes (functions are listeners, true is an empty attribute, null and false are none), then its children. */
export function h(tag, attributes = null, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (NotSet.has(name)) throw new Error(`${name} is not set from here.`);
    if (typeof value === "function") element.addEventListener(name, value);
    else setAttribute(element, name, value);
  }
  append(element, children);
  return element;
}

/** A span of a class. */
export const span = (className, ...children) => h("span", { class: className }, ...children);

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
  }
}

/** Puts these children in place of those there are. */
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** The text, set only where it is another one: nothing is drawn or read out anew for the same. */
export function setText(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** A width in percent, through the style object: the page's policy forbids style attributes. */
export function setShare(element, share) {
  element.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
}

/** Makes a container show the items in their order. Elements stay the same for the same key, so focus and selection stay, too. */
export function sync(container, items, keyOf, create, update) {
  const known = container.elementsByKey ??= new Map();
  const wanted = new Set(items.map(keyOf));
  for (const [key, element] of known) {
    if (wanted.has(key)) continue;
    element.remove();
    known.delete(key);
  }
  let place = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = known.get(key);
    if (!element) known.set(key, element = create(item));
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
    update?.(element, item);
  }
}

let ids = 0;

/** An id that nothing else has. */
export const newId = (stem) => `${stem}-${++ids}`;

const Icons = {
  sun: ["M12 4V2M12 22v-2M4 12H2M22 12h-2M6.3 6.3 4.9 4.9M19.1 19.1l-1.4-1.4M6.3 17.7l-1.4 1.4M19.1 4.9l-1.4 1.4",
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z"],
  moon: ["M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z"],
  key: ["M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M11 12l8.5-8.5M16 7l3 3M13.5 9.5l2 2"],
  leave: ["M10 4H5v16h5", "M15 8l4 4-4 4M19 12H9"],
  pause: ["M9 5v14M15 5v14"],
  play: ["M7 4.5v15l12-7.5z"],
  plus: ["M12 5v14M5 12h14"],
  cross: ["M6 6l12 12M18 6 6 18"],
  refresh: ["M20 11a8 8 0 0 0-14.9-3M4 4v4h4", "M4 13a8 8 0 0 0 14.9 3M20 20v-4h-4"],
  back: ["M15 5l-7 7 7 7"],
  link: ["M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1", "M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1"],
};

export function icon(name) {
  const Svg = "http://www.w3.org/2000/svg";
  const element = document.createElementNS(Svg, "svg");
  element.setAttribute("viewBox", "0 0 24 24");
  element.setAttribute("class", "icon");
  element.setAttribute("aria-hidden", "true");
  for (const line of Icons[name]) {
    const path = document.createElementNS(Svg, "path");
    path.setAttribute("d", line);
    element.append(path);
  }
  return element;
}
