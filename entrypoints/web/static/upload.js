// New job: the chosen file goes straight to the store; then the form is sent as it would be anyway.
"use strict";

const form = document.getElementById("job");
const input = document.getElementById("file");
const drop = document.getElementById("drop");
const chosen = document.getElementById("chosen");
const go = document.getElementById("go");
const problem = document.getElementById("problem");
const reference = document.getElementById("reference");
const maxBytes = Number(form.dataset.maxBytes);

function complain(sentence) {
  problem.querySelector("[data-sentence]").textContent = sentence;
  problem.hidden = false;
  problem.focus();
}

function problemWith(file) {
  if (!file) return "Choose a file first, or drop one on the field.";
  if (file.size === 0) return "The file is empty. Choose a VCF with a header and at least one variant line.";
  if (file.size > maxBytes) {
    return `The file has ${file.size.toLocaleString("en")} bytes; your plan takes up to ${form.dataset.maxText}. Upgrade to Premium (up to 5 GB) on the Plan page, or choose a part of it.`;
  }
  return "";
}

// --- choosing ---

function choose() {
  const file = input.files[0];
  form.elements.uploaded.value = "";
  form.elements.filename.value = "";
  chosen.hidden = !file;
  if (!file) return;
  chosen.textContent = `${file.name} · ${file.size.toLocaleString("en")} bytes`;
  const sentence = problemWith(file);
  if (sentence) complain(sentence);
  else problem.hidden = true;
  if (!sentence) headOf(file).then((head) => recognise(head, file.name));
}

// The header says how long its contigs are, or else the first variant names one: so the reference
// is chosen. The service looks again at what was chosen, and says when it does not fit.
function recognise(head, name) {
  const lengths = [...head.matchAll(/^##contig=<.*\blength=(\d+)/gm)].map((found) => found[1]);
  const first = head.match(/^([^#\s]+)\t\d+\t/m);
  const told = lengths.length ? lengths : [first?.[1]];
  const fits = [...reference.options].find((option) =>
    option.dataset.contigs.split(" ").some((known) => told.includes(known)));
  const hint = document.getElementById("reference-hint");
  hint.textContent = hint.dataset.plain;
  if (!fits) return;
  reference.value = fits.value;
  hint.textContent = `Chosen by what ${name} says of itself.`;
}

async function headOf(file) {
  let stream = file.slice(0, 65536).stream();
  if (/\.(gz|bgz)$/i.test(file.name)) stream = stream.pipeThrough(new DecompressionStream("gzip"));
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of stream) text += decoder.decode(bytes, { stream: true });
  } catch {
    // the slice ends in the middle of the compressed data: what was read before is enough
  }
  return text;
}

for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
  });
}
drop.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  choose();
});
input.addEventListener("change", choose);
form.elements.text.addEventListener("change", (event) => recognise(event.target.value, "the text"));

// --- sending ---

async function place(file) {
  const body = new FormData();
  body.set("filename", file.name);
  body.set("csrf_token", form.elements.csrf_token.value);
  const answer = await fetch(form.dataset.begin, { method: "POST", body });
  if (!answer.ok || answer.redirected) {
    throw new Error("Your session has ended. Reload the page, sign in and try again.");
  }
  return answer.json();
}

function send(file, target) {
  const body = new FormData();
  for (const [name, value] of Object.entries(target.fields)) body.set(name, value);
  body.set("file", file);
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => show(event.loaded, event.total));
    request.addEventListener("error", () => reject(new Error(
      "The upload broke off: the file is too large, or the connection is down. Check both and try again.")));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve();
      else if (request.responseText.includes("EntityTooLarge")) reject(new Error(`The file is larger than your plan takes (${form.dataset.maxText}).`));
      else reject(new Error(`The file store refused the upload (${request.status}). Reload the page and try again.`));
    });
    request.open("POST", target.url);
    request.send(body);
  });
}

function show(done, total) {
  const percent = total ? Math.round((100 * done) / total) : 0;
  document.getElementById("bar").value = percent;
  document.getElementById("progress-text").textContent = `Uploading, ${percent} %`;
}

async function upload(file) {
  const { upload_id: id, form: target } = await place(file);
  await send(file, target);
  form.elements.upload_id.value = id;
  form.elements.uploaded.value = "yes";
  form.elements.filename.value = file.name;
}

function busy(is) {
  go.disabled = is;
  document.getElementById("progress").hidden = !is;
}

form.addEventListener("submit", async (event) => {
  const fromFile = form.elements.source.value === "file";
  if (!fromFile || form.elements.uploaded.value) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    return;
  }
  event.preventDefault();
  const file = input.files[0];
  const sentence = problemWith(file);
  if (sentence) { complain(sentence); return; }
  problem.hidden = true;
  show(0, file.size);
  busy(true);
  try {
    await upload(file);
    form.submit();
  } catch (error) {
    busy(false);
    complain(error.message);
  }
});

// Coming back by the browser's own button: what is sent now is another job, its file another upload.
addEventListener("pageshow", (event) => {
  delete form.dataset.sent;
  if (event.persisted) form.elements.uploaded.value = "";
  busy(false);
});

if (!problem.hidden) problem.focus();
