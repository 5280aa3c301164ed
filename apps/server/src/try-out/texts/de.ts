import type { Texts } from './en.ts';

export const de: Texts = {
  banner: 'Installation für die Entwicklung. Hier ist nichts echt.',
  title: 'Ausprobieren',
  lead: 'Ein Algorithmus eines Beispielhauses will für eine halbe Million Anleihen kaufen. Allein darf er das nicht: Eine Aufsicht muss genau diesen Auftrag signieren. Die Aufsicht sind Sie.',
  keyTitle: '1. Einen Schlüssel anmelden',
  keyText:
    'Einen Sicherheitsschlüssel oder einen Passkey dieses Geräts. Der Betreiber lädt Sie mit einem Link ein, der einmal gilt; eine Firma prüft vorher, wer Sie sind, hier prüft niemand.',
  key: 'Schlüssel anmelden',
  keyAfter: 'Die Seite öffnet sich neben dieser. Kommen Sie danach hierher zurück.',
  orderTitle: '2. Einen Auftrag freigeben',
  orderText:
    'Der Auftrag wird erteilt, und Sie werden zu ihm geführt. Melden Sie sich mit Ihrem Schlüssel an, lesen Sie, was geschehen soll, und geben Sie es frei: Ihr Schlüssel signiert den Fingerabdruck dieses Auftrags und sonst nichts.',
  order: 'Auftrag erteilen und ansehen',
  proofTitle: '3. Den Beweis ansehen',
  proofText:
    'Jeder Schritt wird aufgezeichnet, bevor er beantwortet wird. Folgen Sie nach der Freigabe dem Link zum Nachweis des Auftrags: Sie können ihn herunterladen und ohne diesen Server prüfen.',
  notReal:
    'Firmen, Personen und Auftrag sind erfunden, und der Auftrag geht nirgendwohin. Diese Seite gibt es nur in einer Installation für die Entwicklung: Wer sie öffnet, wird Aufsicht des Beispielhauses.',
  proof: {
    title: 'Nachweis des Auftrags',
    lead: 'Das ist alles, was das Protokoll über den Auftrag aufgezeichnet hat.',
    transaction: 'Transaktion',
    verdict: 'Von diesem Server geprüft',
    verdicts: {
      verified: 'Bestätigt: alle Prüfungen sind bestanden',
      incomplete: 'Unvollständig: nichts ist falsch, aber einige Werte sind nicht offengelegt',
      unanchored: 'In sich stimmig, aber keinem bekannten Protokoll zugeordnet',
      failed: 'Nicht bestätigt: eine Prüfung ist fehlgeschlagen',
    },
    approval: 'Ihre Freigabe',
    approved: 'Aufgezeichnet, mit der Signatur Ihres Schlüssels',
    notApproved: 'Noch nicht aufgezeichnet.',
    toApproval: 'Den Auftrag freigeben',
    verifyTitle: 'Selbst prüfen',
    verifyText: 'Verlassen Sie sich nicht auf diesen Server: Die Prüfung braucht weder ihn noch ein Netz.',
    bundle: 'Die Nachweisdatei herunterladen',
    trust: 'Die Vertrauensdatei herunterladen',
    trustHint:
      'Schlüssel und Prüfpunkt des Protokolls. Im echten Geschäft erhalten Sie sie auf anderem Weg als den Nachweis.',
    page: 'Die Prüfseite öffnen und dort beide Dateien wählen',
    command: 'Oder auf der Kommandozeile prüfen:',
    recordsTitle: 'Aufzeichnungen',
  },
};
