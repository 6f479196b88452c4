// Elements of the page.

/** Element of this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** New element with attributes, whose content is text or other elements. */
export function element(name, attributes = {}, ...content) {
  return filled(document.createElement(name), attributes, content);
}

/** New SVG element. */
export function svg(name, attributes = {}, ...content) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, content);
}

/** Element with these attributes and this content; text stays text, never HTML. */
function filled(node, attributes, content) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...content);
  return node;
}

/** Sets the text of a live region, unless it is there already (which would be read out again). */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === '';
}
