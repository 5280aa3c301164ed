import type { Texts } from './en.ts';

export const de: Texts = {
  banner: 'Entwicklungsinstallation. Nicht für echte Geschäfte.',
  enrol: {
    title: 'Geräteanmeldung',
    lead: (device) => `Dieser Browser wird als ${device} angemeldet.`,
    device: 'Gerät',
    firm: 'Firma',
    holder: 'Zugewiesen an',
    anybody: 'Allen in der Firma',
    what: 'In diesem Browser wird ein Schlüssel erzeugt, der ihn nicht verlassen kann. Der Schlüssel identifiziert dieses Gerät.',
    check: 'Fahren Sie nur auf dem oben genannten Gerät fort, in dem Browser, mit dem Sie arbeiten.',
    button: 'Diesen Browser anmelden',
    noScript:
      'Diese Seite erzeugt einen Schlüssel in Ihrem Browser und braucht dafür JavaScript. Erlauben Sie JavaScript für diese Seite und laden Sie sie neu.',
    waiting: 'Der Schlüssel wird erzeugt.',
    failed:
      'Der Schlüssel konnte nicht erzeugt oder gespeichert werden. Verlassen Sie den privaten Modus und versuchen Sie es noch einmal.',
    unsupported:
      'Dieser Browser kann den Schlüssel hier nicht erzeugen. Verwenden Sie einen aktuellen Browser über https.',
  },
  enrolled: {
    devices: 'Ihre Geräte',
    title: 'Browser angemeldet',
    lead: (device) => `Dieser Browser wird jetzt bei der Anmeldung als ${device} erkannt.`,
    keeping: 'Der Schlüssel wird gespeichert. Lassen Sie diese Seite noch einen Augenblick offen.',
    kept: 'Der Schlüssel ist gespeichert. Sie können diese Seite schließen.',
    notKept:
      'Der Schlüssel konnte nicht gespeichert werden, der Browser wird daher nicht erkannt. Verlassen Sie den privaten Modus und bitten Sie um einen neuen Link.',
  },
};
