// Both time axes as sliders. The dates stay a form of their own; the sliders fill it in, fetch the
// page it asks for, and put its content in place of the old.
const form = document.querySelector("form.axes");
const first = Date.parse(form.dataset.first);
const last = Date.parse(form.dataset.last);
const DAY = 86400000;
let wanted = 0;
let timer = 0;

const day = (time) => new Date(time).toISOString().slice(0, 10);

async function show() {
  const number = (wanted += 1);
  const asked = new URLSearchParams();
  for (const field of form.querySelectorAll("input[type=date]")) {
    if (field.value && field.value !== form.dataset.last) asked.set(field.name, field.value);
  }
  const url = `${location.pathname}${asked.size ? `?${asked}` : ""}`;
  const content = document.getElementById("then");
  content.classList.add("busy");
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (number !== wanted) return;
  const fresh = page.getElementById("then") || page.querySelector("main > section");
  content.replaceChildren(...document.adoptNode(fresh).childNodes);
  content.classList.remove("busy");
  content.dataset.shown = url;
  history.replaceState(null, "", url);
}

for (const box of form.querySelectorAll(".slide")) {
  const field = box.querySelector("input[type=date]");
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = Math.round((last - first) / DAY);
  slider.value = Math.round(((field.value ? Date.parse(field.value) : last) - first) / DAY);
  slider.setAttribute("aria-label", box.querySelector("label").textContent);
  slider.addEventListener("input", () => {
    field.value = day(first + Number(slider.value) * DAY);
    clearTimeout(timer);
    timer = setTimeout(show, 180);
  });
  field.addEventListener("change", () => {
    slider.value = Math.round(((field.value ? Date.parse(field.value) : last) - first) / DAY);
    show();
  });
  field.before(slider);
}
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
