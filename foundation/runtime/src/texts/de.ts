import type { Texts } from './en.ts';

export const de: Texts = {
  page: {
    skip: 'Zum Inhalt springen',
    colophon:
      'Prüfen Sie die Adresse dieser Seite, bevor Sie fortfahren. Countersign fragt nie nach einem Passwort, weder hier noch per E-Mail oder Telefon.',
  },
  form: {
    fieldProblem: 'Bitte berichtigen:',
    formProblem: 'Es wurde nichts ausgeführt.',
  },
  ceremony: {
    waiting: 'Folgen Sie den Anweisungen Ihres Browsers oder Ihres Sicherheitsschlüssels.',
    cancelled:
      'Es wurde nichts bestätigt: Der Vorgang wurde abgebrochen, dauerte zu lange, oder es war kein passender Schlüssel da. Sie können es noch einmal versuchen.',
    failed:
      'Ihr Sicherheitsschlüssel oder Passkey konnte nicht antworten. Versuchen Sie es noch einmal oder mit einem anderen.',
    registered: 'Dieser Sicherheitsschlüssel oder dieses Gerät ist schon registriert. Verwenden Sie ein anderes.',
    unfit:
      'Dieser Sicherheitsschlüssel oder dieses Gerät kann nicht, was hier nötig ist: eine PIN oder ein Fingerabdruck und ein darauf gespeicherter Schlüssel.',
    place:
      'Diese Seite wurde unter einer Adresse geöffnet, für die Schlüssel nicht antworten. Prüfen Sie die Adresse in Ihrem Browser.',
    unsupported:
      'Dieser Browser kann keine Sicherheitsschlüssel oder Passkeys verwenden. Öffnen Sie die Seite in einem aktuellen Browser.',
    scriptNeeded:
      'Ein Sicherheitsschlüssel oder Passkey kann nur durch ein Skript dieser Seite angesprochen werden. Schalten Sie JavaScript für diese Adresse ein und laden Sie die Seite neu.',
  },
};
