/**
 * Runs the ceremony of a form that asks for one (`data-webauthn`), puts what the authenticator answered into its field
 * `credential` and sends the form as it would have been sent. It speaks with nobody, keeps nothing, and decides nothing:
 * what is signed stands in the options that the page was drawn with, and the server judges the answer.
 *
 * A button may have options, and a handle, of its own (`data-options`, `data-handle`): one form can offer two answers.
 * A button with `formnovalidate` sends the form without a ceremony.
 */
(() => {
  const { startAuthentication, startRegistration, browserSupportsWebAuthn } = globalThis.SimpleWebAuthnBrowser;
  const ceremonies = { get: startAuthentication, create: startRegistration };
  /** Forms whose answer is there: their next submission goes through. */
  const answered = new WeakSet();
  const running = new WeakSet();

  function say(form, what, code) {
    const status = form.querySelector('[data-ceremony-status]');
    if (status === null) return;
    const words = status.dataset[what] ?? '';
    status.textContent = code === undefined ? words : `${words} (${code})`;
    status.hidden = words === '';
  }

  /** Browsers tell little on purpose, so that a page cannot learn which keys somebody has. */
  function problemOf(error) {
    const { name, code } = error;
    if (code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED') return ['registered', 'credential_registered'];
    if (code === 'ERROR_INVALID_DOMAIN' || code === 'ERROR_INVALID_RP_ID') return ['place', 'rp_id_wrong'];
    if (
      code === 'ERROR_AUTHENTICATOR_MISSING_USER_VERIFICATION_SUPPORT' ||
      code === 'ERROR_AUTHENTICATOR_MISSING_DISCOVERABLE_CREDENTIAL_SUPPORT' ||
      code === 'ERROR_AUTHENTICATOR_NO_SUPPORTED_PUBKEYCREDPARAMS_ALG'
    )
      return ['unfit', 'authenticator_unfit'];
    if (name === 'NotAllowedError' || name === 'AbortError') return ['cancelled', 'ceremony_cancelled'];
    return ['failed', 'ceremony_failed'];
  }

  async function answer(form, submitter) {
    const given = submitter?.dataset.options ?? form.dataset.options;
    const ceremony = ceremonies[form.dataset.webauthn];
    say(form, 'waiting');
    form.setAttribute('aria-busy', 'true');
    try {
      const credential = await ceremony({ optionsJSON: JSON.parse(given) });
      form.elements.namedItem('credential').value = JSON.stringify(credential);
      const handle = submitter?.dataset.handle;
      if (handle !== undefined) form.elements.namedItem('handle').value = handle;
      answered.add(form);
      form.requestSubmit(submitter);
    } catch (error) {
      say(form, ...problemOf(error));
    } finally {
      running.delete(form);
      form.removeAttribute('aria-busy');
    }
  }

  document.addEventListener('submit', (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (!(form instanceof HTMLFormElement) || !(form.dataset.webauthn in ceremonies)) return;
    if (submitter?.formNoValidate === true || answered.delete(form)) return;
    event.preventDefault();
    if (running.has(form)) return;
    if (!browserSupportsWebAuthn()) return say(form, 'unsupported', 'webauthn_unsupported');
    running.add(form);
    void answer(form, submitter);
  });
})();
