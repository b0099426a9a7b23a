// Shows the records of a topic as they come, the newest at the top. Without it the page shows what is there already.

const MOST_ROWS = 100;
const SAY_EVERY_MS = 10_000; // to a screen reader, which must not be flooded

const live = document.querySelector("[data-tail]");
const toggle = document.querySelector("[data-tail-switch]");
if (live && toggle) begin();

function begin() {
  const rows = live.querySelector("tbody");
  const row = live.querySelector("template").content.firstElementChild;
  const pause = live.querySelector("[data-pause]");
  const status = live.querySelector("[data-status]");
  const announced = live.querySelector("[data-announced]");
  const trouble = live.querySelector("[data-trouble]");
  const found = document.querySelector("[data-found]");
  const kept = document.querySelector("input[name=live]");
  let stream = null;
  let waiting = []; // while it is paused, the newest last
  let counts = nothing();

  toggle.closest("[hidden]").hidden = false;
  toggle.addEventListener("click", () => (stream ? stop() : start()));
  pause.addEventListener("click", () => setPaused(pause.getAttribute("aria-pressed") !== "true"));
  addEventListener("pagehide", () => stream?.close());
  setInterval(announce, SAY_EVERY_MS);
  if (kept.value) start();

  function nothing() {
    return { shown: 0, notShown: 0, notRead: 0, gaps: 0, said: 0 };
  }

  function start() {
    counts = nothing();
    waiting = [];
    rows.replaceChildren();
    trouble.hidden = true;
    setPaused(false);
    setLive(true);
    status.textContent = "Connecting…";
    stream = new EventSource(live.dataset.tail);
    let before = false;
    stream.addEventListener("ready", (event) => {
      if (before && !JSON.parse(event.data).resumed) counts.gaps += 1;
      before = true;
      tell();
    });
    stream.addEventListener("records", (event) => take(JSON.parse(event.data)));
    stream.addEventListener("trouble", (event) => fail(JSON.parse(event.data)));
    stream.addEventListener("error", () => {
      if (stream?.readyState === EventSource.CLOSED) explain();
      else status.textContent = "The connection is lost; it is tried again.";
    });
  }

  function stop() {
    stream?.close();
    stream = null;
    setLive(false);
  }

  function setLive(on) {
    toggle.setAttribute("aria-checked", String(on));
    kept.value = on ? "1" : ""; // what is chosen next is watched as well
    kept.disabled = !on;
    live.hidden = !on;
    if (found) found.hidden = on;
  }

  function setPaused(on) {
    pause.setAttribute("aria-pressed", String(on));
    pause.textContent = on ? "Go on" : "Pause";
    if (!on) add(waiting.splice(0));
    tell();
  }

  function take(said) {
    counts.notShown += said.not_shown;
    counts.notRead += said.not_read;
    if (pause.getAttribute("aria-pressed") === "true") {
      waiting.push(...said.rows);
      const over = waiting.length - MOST_ROWS;
      if (over > 0) counts.notShown += waiting.splice(0, over).length;
    } else {
      add(said.rows);
    }
    tell();
  }

  function add(said) {
    counts.shown += said.length;
    rows.prepend(...said.map(drawn).reverse());
    while (rows.rows.length > MOST_ROWS) rows.lastElementChild.remove();
  }

  function tell() {
    const parts = [`${number(counts.shown)} shown`];
    if (counts.notShown) parts.push(`${number(counts.notShown)} more came faster than they can be shown`);
    if (counts.notRead) parts.push(`${number(counts.notRead)} offsets were passed over unread`);
    if (counts.gaps) parts.push("the connection was lost or too slow, and what came meanwhile is missing");
    if (waiting.length) parts.push(`${number(waiting.length)} wait`);
    const quiet = counts.shown + counts.notShown + waiting.length === 0;
    status.textContent = quiet ? "Waiting for the next record." : `${parts.join(" · ")}.`;
  }

  function announce() {
    const all = counts.shown + counts.notShown;
    if (stream && all !== counts.said) announced.textContent = `${number(all - counts.said)} new records.`;
    counts.said = all;
  }

  async function explain() {
    const asking = new AbortController();
    try {
      const answer = await fetch(live.dataset.tail, { signal: asking.signal });
      if (answer.headers.get("content-type")?.includes("problem")) fail(await answer.json());
      else fail({ detail: "The stream ended.", remedy: "Load the page again." });
    } catch {
      fail({ detail: "The server does not answer.", remedy: "Load the page again when it does." });
    } finally {
      asking.abort();
    }
  }

  function fail(problem) {
    stream?.close();
    stream = null;
    trouble.hidden = false;
    trouble.querySelector("[data-detail]").textContent = problem.detail;
    trouble.querySelector("[data-remedy]").textContent = problem.remedy ?? "";
    toggle.setAttribute("aria-checked", "false");
    status.textContent = `${number(counts.shown)} shown; the stream has ended.`;
  }

  function drawn(said) {
    const made = row.cloneNode(true);
    const link = made.querySelector("a");
    link.href = `${live.dataset.records}/${said.partition}/${said.offset}`;
    link.textContent = `${said.partition}:${number(said.offset)}`;
    const put = (name, text) => (made.querySelector(`[data-${name}]`).textContent = text);
    put("time", said.time ?? "–");
    put("key", said.key ?? "(null)");
    const chip = made.querySelector("[data-version]");
    chip.textContent = said.version ?? "–";
    if (said.version) chip.classList.add("chip", `h${((Number(said.version.slice(1)) - 1) % 6) + 1}`);
    const why = said.letter ?? said.why;
    put("code", why ? (said.letter ? `dead letter, ${why.code}` : why.code) : "");
    put("text", [why?.message, said.value].filter(Boolean).join(" "));
    if (said.value_bytes === null) made.querySelector("[data-text]").classList.add("soft");
    return made;
  }

  function number(value) {
    return value.toLocaleString("en-US");
  }
}
