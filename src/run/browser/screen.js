// What a person sees of a page and could do: fields, buttons and links. Returns the page and the elements that it counts.
const elements = [];
const counted = (element) => elements.push(element) - 1;
const all = [];
const collect = (root) => {
  for (const element of root.querySelectorAll("*")) {
    all.push(element);
    if (element.shadowRoot) collect(element.shadowRoot);
  }
};
collect(document);
const visible = (element) => {
  const box = element.getBoundingClientRect(), style = getComputedStyle(element);
  return box.width > 1 && box.height > 1 && style.visibility === "visible" && style.opacity !== "0" &&
    box.right + scrollX > 0 && box.bottom + scrollY > 0;
};
const words = (element) => (element.innerText || element.value || element.getAttribute("aria-label") || element.alt || "").trim().slice(0, 200);
const forms = new Map();
const formOf = (element) => {
  const owner = element.form || element.closest("form");
  if (!forms.has(owner)) forms.set(owner, { fields: [], submits: [], others: [] });
  return forms.get(owner);
};
for (const element of all) {
  const tag = element.localName;
  const kind = tag === "input" || tag === "button" ? element.type : tag;
  if (element.disabled || element.closest("[inert]")) continue;
  const button = tag === "button" || ["submit", "image", "button"].includes(kind) || element.getAttribute("role") === "button";
  if (button) {
    if (kind === "reset" || !visible(element)) continue;
    const entry = { name: element.name || "", value: element.value || "", label: words(element), at: counted(element) };
    const sends = kind === "submit" || kind === "image";
    formOf(element)[sends ? "submits" : "others"].push(entry);
    continue;
  }
  if (!["input", "select", "textarea"].includes(tag) || ["hidden", "file", "reset"].includes(kind)) continue;
  const ticked = kind === "checkbox" || kind === "radio";
  // Boxes are often drawn by something else.
  if (!ticked && !visible(element)) continue;
  const labels = [...(element.labels || [])].map(words);
  const hints = [element.id, element.autocomplete, element.placeholder, element.getAttribute("aria-label"), ...labels];
  formOf(element).fields.push({
    name: element.name || "", kind: tag === "select" ? "select" : kind, value: element.value || "",
    on: !ticked || element.checked, fixed: !!element.readOnly, hints: hints.filter(Boolean).join(" ").toLowerCase(), at: counted(element),
  });
}
const links = all.filter((element) => element.localName === "a" && element.href && visible(element)).slice(0, 100)
  .map((element) => ({ text: words(element), href: element.href, at: counted(element) }));
const later = document.querySelector("meta[http-equiv=refresh i]");
const page = {
  title: document.title.slice(0, 200),
  text: (document.body ? document.body.innerText : "").slice(0, 4000),
  ready: document.readyState === "complete",
  leaves: !!later && /url/i.test(later.content),
  forms: [...forms].map(([owner, form]) => form).filter((form) => form.fields.length + form.submits.length + form.others.length > 0),
  links,
};
return [page, elements];
