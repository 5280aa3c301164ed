import { type CodedError, isCodedError } from '@countersign/kernel';
import { statusOf } from '../http/index.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { type Html, html } from './html.ts';

/** A refused form, to be shown again with the person's input. */
export interface RefusedForm {
  readonly error: CodedError;
  /** HTTP status of the page with the form. */
  readonly status: number;
  readonly typed: ReadonlyMap<string, string>;
}

/**
 * Converts an error to the refusal of a form, which its page shows again (see {@link formFields}). An error names the field at
 * fault as the public fact `field`.
 *
 * @param error rethrown when the person cannot correct it: our own bug, an unavailable component, or a forged form
 */
export function refusedForm(error: unknown, typed: ReadonlyMap<string, string>): RefusedForm {
  if (!isCodedError(error) || error.category === 'unavailable' || error.code === 'csrf_token_invalid') throw error;
  return { error, status: error.category === 'unauthenticated' ? 403 : statusOf(error), typed };
}

/** Renders the fields of a form: empty at first, with the person's input after a refusal. */
export interface FormFields {
  /** The person's input in a field. Never use it for a secret. */
  value(name: string): string;
  /**
   * Attributes of a field: its description, and for the field at fault the error state and the focus.
   *
   * @param hintId of the hint that describes the field
   */
  attributes(name: string, hintId?: string): Html;
  /** The error of a field, to show beside it. */
  problem(name: string): Html | undefined;
  /** The error of the whole form when it names none of these fields; shown at the beginning. */
  readonly notice: Html | undefined;
}

/**
 * @param options.fields names of the form's fields
 * @param options.detailOf the error in the reader's language; its own detail, in English, when left out
 */
export function formFields(
  refused: RefusedForm | undefined,
  options: {
    readonly fields: readonly string[];
    readonly lang: string;
    readonly detailOf?: (error: CodedError) => string | undefined;
    /** Input of a form that is shown again without a refusal. */
    readonly typed?: ReadonlyMap<string, string> | undefined;
  },
): FormFields {
  const { fields, lang, detailOf, typed = refused?.typed } = options;
  const { fieldProblem, formProblem } = (lang === 'de' ? de : en).form;
  const named = refused?.error.facts?.['field'];
  const atFault = fields.find((field) => field === named);
  return {
    value: (name) => typed?.get(name) ?? '',
    attributes(name, hintId) {
      const wrong = name === atFault;
      const described = [hintId, wrong ? problemId(name) : undefined].filter((id) => id !== undefined).join(' ');
      return html`${described !== '' && html` aria-describedby="${described}"`}${wrong && html` aria-invalid="true" autofocus`}`;
    },
    problem: (name) =>
      name === atFault && refused !== undefined
        ? html`<p class="field-problem" id="${problemId(name)}"><strong>${fieldProblem}</strong> ${detailIn(refused.error)} <span class="quiet">(<code>${refused.error.code}</code>)</span></p>`
        : undefined,
    notice:
      refused !== undefined && atFault === undefined
        ? problemNotice(formProblem, detailIn(refused.error), html`<code>${refused.error.code}</code>`)
        : undefined,
  };

  function detailIn(error: CodedError): Html | string {
    return detailOf?.(error) ?? html`<span lang="en">${error.detail}</span>`;
  }
}

/** The focused notice at the top of a page whose form was refused. */
export function problemNotice(heading: string, detail: Html | string, code: Html | string): Html {
  return html`<div class="notice problem" role="alert" tabindex="-1" autofocus><p><strong>${heading}</strong> ${detail} <span class="quiet">(${code})</span></p></div>`;
}

function problemId(name: string): string {
  return `${name}-problem`;
}
