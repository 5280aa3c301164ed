import type { Texts } from './en.ts';

export const de: Texts = {
  banner: 'Entwicklungsinstallation. Nicht für echte Geschäfte.',
  enrol: {
    title: 'Dieses Gerät anmelden',
    lead: (device) => `Dieser Browser soll von nun an als ${device} bekannt sein.`,
    device: 'Gerät',
    firm: 'Firma',
    holder: 'Gehört',
    anybody: 'Allen in der Firma',
    what: 'In diesem Browser entsteht ein Schlüssel, der hier bleibt. Nur wer diesen Browser benutzt, kann zeigen, dass es dieses Gerät ist.',
    check: 'Fahren Sie nur an dem oben genannten Gerät fort, und in dem Browser, mit dem Sie arbeiten.',
    button: 'Diesen Browser anmelden',
    noScript:
      'Diese Seite erzeugt einen Schlüssel in Ihrem Browser und braucht dafür JavaScript. Erlauben Sie JavaScript für diese Seite und laden Sie sie neu.',
    waiting: 'Der Schlüssel wird erzeugt.',
    failed:
      'Der Schlüssel konnte nicht erzeugt oder behalten werden. Verlassen Sie den privaten Modus und versuchen Sie es noch einmal.',
    unsupported:
      'Dieser Browser kann hier keinen solchen Schlüssel erzeugen. Nehmen Sie einen aktuellen Browser, über https.',
  },
  enrolled: {
    devices: 'Ihre Geräte',
    title: 'Dieser Browser ist angemeldet',
    lead: (device) => `Von nun an zeigt er beim Anmelden, dass er ${device} ist.`,
    keeping: 'Sein Schlüssel wird abgelegt. Lassen Sie diese Seite noch einen Augenblick offen.',
    kept: 'Sein Schlüssel ist abgelegt. Sie können diese Seite schließen.',
    notKept:
      'Der Schlüssel konnte in diesem Browser nicht behalten werden, er wird daher nicht bekannt sein. Bitten Sie um einen neuen Link und verlassen Sie den privaten Modus.',
  },
};
