/** Elements: found, made, and kept in step with a list. */

/**
 * Return the element of the page with an id.
 *
 * @template {typeof HTMLElement} T
 * @param {string} id
 * @param {T} kind What it has to be.
 * @returns {InstanceType<T>}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`The page has no ${kind.name} with the id '${id}'.`);
  }
  return /** @type {InstanceType<T>} */ (found);
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean>} [attributes] `true` for one without a value;
 *     those that are `false` are left out.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

/**
 * Make an element of a drawing.
 *
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean>} attributes
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, string | number | boolean>} attributes
 */
function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Have a container show a list: one child for each key, in order. Children that are there already
 * stay, so that what is open stays open and screen readers hear only what is new.
 *
 * @template T
 * @param {HTMLElement} container
 * @param {readonly T[]} list
 * @param {(one: T) => string} keyOf
 * @param {(one: T) => HTMLElement} create
 * @param {(element: HTMLElement, one: T) => void} update
 */
export function showList(container, list, keyOf, create, update) {
  /** @type {Map<string, HTMLElement>} */
  const there = new Map();
  for (const child of container.children) {
    if (child instanceof HTMLElement && child.dataset.key) there.set(child.dataset.key, child);
  }
  let next = container.firstElementChild;
  for (const one of list) {
    const key = keyOf(one);
    let element = there.get(key);
    there.delete(key);
    if (!element) {
      element = create(one);
      element.dataset.key = key;
    }
    if (element === next) next = next.nextElementSibling;
    else container.insertBefore(element, next);
    update(element, one);
  }
  for (const element of there.values()) element.remove();
}

/**
 * Set the text of an element, unless it is the same: that would announce it again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Do something once a frame at most, however often it is asked for.
 *
 * @param {() => void} work
 * @returns {() => void} Asks for it.
 */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
