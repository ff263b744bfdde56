// Keys for lists, and filters that apply themselves. Every page works without it.
const rows = () => [...document.querySelectorAll("[data-list] tbody tr[data-href]")];
const chosen = () => rows().findIndex((row) => row.getAttribute("aria-selected") === "true");

function choose(at) {
  const all = rows();
  if (!all.length) return;
  const row = all[Math.max(0, Math.min(at, all.length - 1))];
  for (const each of all) each.removeAttribute("aria-selected");
  row.setAttribute("aria-selected", "true");
  const link = row.querySelector("a[href], button");
  if (link) link.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function act(row, letter) {
  const button = row && row.querySelector(`[data-key="${letter}"]`);
  if (button) button.click();
  return Boolean(button);
}

const writes = (target) => target.closest("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape" && writes(event.target)) return event.target.blur();
  if (writes(event.target) || document.querySelector("dialog[open]")) return;
  const at = chosen();
  const row = rows()[at];
  if (event.key === "j") choose(at + 1);
  else if (event.key === "k") choose(at < 0 ? 0 : at - 1);
  else if (event.key === "o" && row) location.assign(row.dataset.href);
  else if (event.key === "/") document.querySelector(".find input").focus();
  else if (/^[a-z1-9]$/.test(event.key) && (act(row, event.key) || act(document, event.key))) event.preventDefault();
  else return;
  event.preventDefault();
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
});

// A form is sent once, however often it is pressed; coming back makes it fresh.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What a button reveals.
for (const box of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!box.contains(event.target)) box.open = false;
  });
}
document.body.dataset.ready = "yes";
