/**
 * Shows which device a browser is on, by a key that never leaves it: made here, not extractable, kept in IndexedDB.
 *
 * - `input[data-device-challenge]`: gets `{ device, challenge, signature }` as soon as the page is there, and stays empty
 *   in a browser without a key. A form that is sent sooner waits for it.
 * - `form[data-device-enrol]` (the device's name) with `data-device-challenge`: makes a key when it is sent, and puts
 *   `{ jwk, challenge, signature }` into its field `key`. The key counts once the next page says so:
 * - `[data-device-enrolled]` (the device's name): the key made for it is kept from now on, and the page says when it is.
 */
(() => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

  function opened() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open('countersign-device', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('keys');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function stored(mode, work) {
    const database = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction('keys', mode);
        const request = work(transaction.objectStore('keys'));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  }
  const keptKey = (name) => stored('readonly', (keys) => keys.get(name));
  const keepKey = (name, kept) => stored('readwrite', (keys) => keys.put(kept, name));

  async function signed(key, challenge) {
    const bytes = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(challenge));
    const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
    return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  }

  async function showDevice(fields) {
    if (fields.length === 0) return;
    const kept = await keptKey('current');
    if (kept === undefined) return;
    for (const field of fields) {
      const challenge = field.dataset.deviceChallenge;
      field.value = JSON.stringify({ device: kept.device, challenge, signature: await signed(kept.key, challenge) });
    }
  }

  async function enrol(form) {
    const challenge = form.dataset.deviceChallenge;
    const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
    await keepKey('pending', { device: form.dataset.deviceEnrol, key: privateKey });
    form.elements.namedItem('key').value = JSON.stringify({
      jwk: { kty, crv, x, y },
      challenge,
      signature: await signed(privateKey, challenge),
    });
  }

  /** In one transaction, so that a page that is left meanwhile leaves no half of it. */
  async function keepEnrolled(device) {
    let kept = false;
    await stored('readwrite', (keys) => {
      const pending = keys.get('pending');
      pending.onsuccess = () => {
        kept = pending.result?.device === device;
        if (!kept) return;
        keys.put(pending.result, 'current');
        keys.delete('pending');
      };
      return pending;
    });
    if (!kept) throw new Error('no key was made here for this device');
  }

  function say(where, what, code) {
    const status = where.querySelector('[data-device-status]');
    if (status === null) return;
    const words = status.dataset[what] ?? '';
    status.textContent = code === undefined ? words : `${words} (${code})`;
    status.hidden = words === '';
  }

  let ready = false;
  const enrolling = new WeakSet();
  const enrolled = new WeakSet();

  /** What cannot be shown is not shown: the server says what then is missing. */
  const showing = showDevice([...document.querySelectorAll('input[data-device-challenge]')])
    .catch(() => undefined)
    .then(() => {
      ready = true;
    });

  const enrolledAs = document.querySelector('[data-device-enrolled]');
  if (enrolledAs !== null) {
    keepEnrolled(enrolledAs.dataset.deviceEnrolled).then(
      () => say(enrolledAs, 'kept'),
      () => {
        const problem = enrolledAs.querySelector('[data-device-problem]');
        if (problem !== null) problem.hidden = false;
        enrolledAs.querySelector('[data-device-status]')?.remove();
      },
    );
  }

  async function makeKey(form, submitter) {
    say(form, 'waiting');
    form.setAttribute('aria-busy', 'true');
    try {
      await enrol(form);
      enrolled.add(form);
      form.requestSubmit(submitter);
    } catch {
      say(form, 'failed', 'device_key_failed');
    } finally {
      enrolling.delete(form);
      form.removeAttribute('aria-busy');
    }
  }

  // Before whoever else listens: a ceremony begins when the device has been shown.
  window.addEventListener(
    'submit',
    (event) => {
      const form = event.target;
      const { submitter } = event;
      if (!(form instanceof HTMLFormElement) || submitter?.formNoValidate === true) return;
      if (form.dataset.deviceEnrol !== undefined && !enrolled.delete(form)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (enrolling.has(form)) return;
        if (!isSecureContext || globalThis.crypto?.subtle === undefined)
          return say(form, 'unsupported', 'device_key_unsupported');
        enrolling.add(form);
        void makeKey(form, submitter);
      } else if (!ready && form.querySelector('input[data-device-challenge]') !== null) {
        event.preventDefault();
        event.stopImmediatePropagation();
        void showing.then(() => form.requestSubmit(submitter));
      }
    },
    true,
  );
})();
