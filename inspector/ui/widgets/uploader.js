// Posts chosen or dropped files to the server and shows the progress.

/** @typedef {[path: string, file: File]} PathAndFile A file with its path relative to the chosen folder. */
/** @typedef {{ name: string, bytes: number }} Model A model that the server holds or receives. */
/** @typedef {(name: string, value: unknown) => void} Trigger Streamlit's function for triggers. */

/**
 * What inspector/ui/widgets/uploader.py sends.
 *
 * @typedef {object} Data
 * @property {string} path Where to post.
 * @property {string} token Names the session's inbox.
 * @property {boolean} folder Whether to take a folder, not a file.
 * @property {boolean} wholePage Whether to take what is dropped anywhere on the page, a folder too.
 * @property {number} limit Most bytes to send.
 * @property {string} advice Ends the error for a larger model.
 * @property {Model | null} held The model that the server holds already.
 */

/**
 * @param {number} bytes
 * @returns {string} With a unit, e.g. "3.1 MiB".
 */
function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit ? bytes.toFixed(bytes < 10 ? 1 : 0) : bytes} ${units[unit]}`;
}

/**
 * @param {FileSystemEntry} entry A dropped file or folder.
 * @returns {Promise<PathAndFile[]>} Every file below it.
 */
async function filesOf(entry) {
  /** @type {PathAndFile[]} */
  const files = [];
  const todo = [entry];
  while (todo.length) {
    const current = todo.pop();
    if (current.isFile) {
      const file = await new Promise((done, failed) => current.file(done, failed));
      files.push([current.fullPath.replace(/^\//, ""), file]);
      continue;
    }
    const reader = current.createReader();
    // The API returns a folder in portions, until one is empty.
    for (;;) {
      const portion = await new Promise((done, failed) => reader.readEntries(done, failed));
      if (!portion.length) break;
      todo.push(...portion);
    }
  }
  return files;
}

/** The upload field: it sends one model at a time. */
class Sender {
  /** @type {Data} */
  data;
  /** @type {Trigger} */
  trigger;
  /** @type {XMLHttpRequest | null} The upload that runs. */
  request = null;
  /** Removes the listeners of the document. */
  listeners = new AbortController();

  /** @param {HTMLElement} root */
  constructor(root) {
    this.part = (/** @type {string} */ selector) => /** @type {any} */ (root.querySelector(selector));
    const zone = this.part(".zone");
    this.part("input").addEventListener("change", () => this.picked());
    this.takeDrops(zone);
    this.part(".cancel").addEventListener("click", () => this.cancel());
  }

  /** Send what the input holds. */
  picked() {
    const input = this.part("input");
    const files = [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
    input.value = "";
    this.send(files, this.data.folder);
  }

  /** @param {EventTarget} target What files may be dropped on. */
  takeDrops(target) {
    const { signal } = this.listeners;
    const zone = this.part(".zone");
    const listen = (/** @type {string} */ name, /** @type {(event: DragEvent) => void} */ handle) =>
      target.addEventListener(name, /** @type {EventListener} */ (handle), { signal });
    listen("dragover", (event) => {
      if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.add("over");
    });
    listen("dragleave", () => zone.classList.remove("over"));
    listen("drop", (event) => {
      zone.classList.remove("over");
      if (event.defaultPrevented) return; // The zone, or another one of the page, has it.
      event.preventDefault();
      this.dropped(event.dataTransfer);
    });
  }

  /** @param {DataTransfer} transfer */
  async dropped(transfer) {
    const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const hasFolder = entries.some((entry) => entry.isDirectory);
    if (hasFolder && !this.data.folder && !this.data.wholePage) {
      this.fail("This is a folder. Choose a file.");
      return;
    }
    try {
      this.send((await Promise.all(entries.map(filesOf))).flat(), hasFolder || this.data.folder);
    } catch {
      this.fail("The browser could not read what was dropped.");
    }
  }

  /**
   * @param {Data} data
   * @param {Trigger} trigger
   */
  update(data, trigger) {
    if (data.wholePage && !this.data) this.takeDrops(document);
    this.data = data;
    this.trigger = trigger;
    const input = this.part("input");
    input.toggleAttribute("webkitdirectory", data.folder);
    input.multiple = data.folder;
    input.setAttribute("aria-label", data.folder ? "A folder to send" : "A file to send");
    const where = data.folder ? "a folder here" : "a file here";
    const what = data.wholePage ? "a file or a folder anywhere on this page" : where;
    this.part(".hint").textContent = `or drop ${what} · up to ${size(data.limit)}`;
    if (!this.request) this.show(data.held);
    if (input.files.length) this.picked(); // Before this module was loaded, as on a busy machine.
  }

  /**
   * @param {Model | null} held The model to show; null for none.
   * @param {number | null} fraction The part that is sent, 0 to 1; null if no upload runs.
   */
  show(held, fraction = null) {
    this.part(".row").hidden = !held;
    this.part(".zone").classList.toggle("busy", fraction !== null);
    this.part("input").disabled = fraction !== null;
    if (!held) return;
    this.part(".name").textContent = held.name;
    const progress = this.part("progress");
    progress.hidden = fraction === null;
    progress.value = fraction ?? 1;
    const sent = fraction === null ? "" : `${size(Math.floor(held.bytes * fraction))} of `;
    this.part(".size").textContent = sent + size(held.bytes);
    this.part(".cancel").textContent = fraction === null ? "Remove" : "Cancel";
  }

  /** @param {string} sentence */
  fail(sentence) {
    this.show(this.data.held);
    const error = this.part(".error");
    error.textContent = sentence;
    error.hidden = false;
  }

  /**
   * @param {PathAndFile[]} files
   * @param {boolean} folder Whether they are the files of a folder.
   */
  send(files, folder) {
    this.part(".error").hidden = true;
    if (!files.length || this.request) return;
    if (!folder && files.length > 1) {
      this.fail("This is more than one file. Put the files of one model into a folder or an archive.");
      return;
    }
    const bytes = files.reduce((sum, [, file]) => sum + file.size, 0);
    if (bytes > this.data.limit) {
      const most = size(this.data.limit);
      this.fail(`${size(bytes)} are more than the ${most} that may be sent${this.data.advice}.`);
      return;
    }
    const held = { name: folder ? files[0][0].split("/")[0] : files[0][0], bytes };
    const listing = { folder, files: files.map(([name, f]) => [name, f.size]) };
    const body = new Blob([JSON.stringify(listing), "\n", ...files.map(([, file]) => file)]);
    const request = new XMLHttpRequest();
    this.request = request;
    request.open("POST", this.data.path);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-Upload-Token", this.data.token);
    request.upload.addEventListener("progress", (event) =>
      this.show(held, event.total ? event.loaded / event.total : 1),
    );
    request.addEventListener("load", () => this.answered(request, held));
    request.addEventListener("error", () => {
      this.request = null;
      this.fail("The connection broke off before all was sent. Try again.");
    });
    this.show(held, 0);
    request.send(body);
  }

  /**
   * @param {XMLHttpRequest} request
   * @param {Model} held
   */
  answered(request, held) {
    this.request = null;
    if (request.status === 200) {
      this.show(held);
      this.trigger("sent", Date.now());
      return;
    }
    let sentence = request.responseText;
    try {
      sentence = JSON.parse(sentence).error;
    } catch {
      // Not JSON: the answer of a proxy, shown unchanged.
    }
    this.fail(sentence || `The server answered ${request.status}.`);
  }

  cancel() {
    if (this.request) {
      this.stop();
      this.show(this.data.held);
    } else {
      this.show(null);
      this.trigger("removed", Date.now());
    }
  }

  stop() {
    this.request?.abort();
    this.request = null;
  }
}

/**
 * @param {{ data: Data, parentElement: HTMLElement & { sender?: Sender }, setTriggerValue: Trigger }} component
 * @returns {() => void}
 */
export default function ({ data, parentElement, setTriggerValue }) {
  const sender = (parentElement.sender ??= new Sender(parentElement));
  sender.update(data, setTriggerValue);
  return () => {
    sender.stop();
    sender.listeners.abort();
  };
}
