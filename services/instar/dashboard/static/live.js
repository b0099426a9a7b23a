// Keeps the figures of a page up to date over one stream of events. Without it the page is right, only not live.

const places = new Map();
for (const element of document.querySelectorAll("[data-live]")) {
  const name = element.dataset.live;
  places.set(name, [...(places.get(name) ?? []), element]);
}

let seenAt = Number(document.querySelector("[data-age]")?.dataset.age ?? 0) * 1000;

function show(values) {
  for (const [name, text] of Object.entries(values)) {
    for (const element of places.get(name) ?? []) {
      if (element instanceof HTMLProgressElement) {
        element.value = Number(text);
      } else if (element.textContent !== text && "reload" in element.dataset) {
        location.reload(); // what may be done next is another thing now
      } else if (element.textContent !== text) {
        element.textContent = text;
      }
    }
  }
}

function showAge() {
  for (const element of document.querySelectorAll("[data-age]")) {
    element.textContent = `${Math.max(0, Math.round((Date.now() - seenAt) / 1000))} s`;
  }
}

if (document.querySelector("[data-age]") || places.size) {
  const events = new EventSource("/v1/events");
  events.addEventListener("migrations", (event) => {
    const said = JSON.parse(event.data);
    seenAt = said.at_s * 1000;
    show(said.values);
    showAge();
  });
  setInterval(showAge, 1000);
  addEventListener("pagehide", () => events.close());
}
