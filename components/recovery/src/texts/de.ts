import type { Texts } from './en.ts';

export const de: Texts = {
  notices: {
    opened: (until) =>
      `Für Ihr Konto wurde eine Wiederherstellung eröffnet, weil ein verlorener Sicherheitsschlüssel gemeldet wurde. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an, oder brechen Sie die Wiederherstellung mit einem Schlüssel ab, der noch funktioniert. Sie läuft am ${until} ab.`,
    approved:
      'Ihre Wiederherstellung wurde genehmigt. Alle Ihre Schlüssel und Sitzungen werden widerrufen. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an.',
    refused: 'Ihre Wiederherstellung wurde abgelehnt. Es hat sich nichts geändert.',
    cancelled: 'Ihre Wiederherstellung wurde abgebrochen.',
    expired:
      'Ihre Wiederherstellung ist abgelaufen. Brauchen Sie noch einen neuen Schlüssel, bitten Sie erneut um eine Wiederherstellung.',
    completed: (until) =>
      `Für Ihr Konto wurde ein neuer Sicherheitsschlüssel registriert. Bis ${until} haben Sie nur Lesezugriff; Handel und Übertragungen sind gesperrt. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an.`,
  },
  request: {
    title: 'Sicherheitsschlüssel verloren?',
    lead: 'Geben Sie Ihre Kennung ein, damit Ihre Firma erfährt, dass Sie Hilfe brauchen. Diese Seite ändert nichts an Ihrem Konto.',
    name: 'Ihre Kennung bei Countersign',
    nameHint: 'Wie nach der Anmeldung angezeigt, zum Beispiel person:anna.keller.',
    send: 'Meine Firma informieren',
    safer:
      'Sie können auch die Sicherheitsabteilung Ihrer Firma anrufen. Sie prüft Ihre Identität, bevor sich etwas ändert.',
    toStart: 'Zur Startseite',
    sentTitle: 'Danke',
    sentLead: 'Falls dieses Konto existiert, wurde die Benutzerverwaltung informiert.',
    sentNext:
      'Sie meldet sich bei Ihnen auf dem mit Ihrer Firma vereinbarten Weg. Countersign versendet keine Links per E-Mail, und niemand fragt Sie nach einem Code oder einer PIN.',
  },
  list: {
    title: 'Wiederherstellungen zur Genehmigung',
    lead: 'Sie sind angemeldet als',
    none: 'Keine Wiederherstellungen zu genehmigen.',
    who: 'Person',
    opened: 'Eröffnet',
    before: 'Entscheidung bis',
  },
  one: {
    title: (person) => `Wiederherstellung für ${person}`,
    lead: 'Genehmigen Sie nur, wenn Ihnen jemand anderes als die eröffnende Stelle bestätigt hat, dass der Schlüssel verloren ist.',
    warning:
      'Nach der Genehmigung durch beide Funktionen werden alle Schlüssel und Sitzungen der Person widerrufen. Danach wird sie eingeladen, einen neuen Schlüssel zu registrieren; Handel und Übertragungen sind während einer Wartefrist gesperrt.',
    person: 'Person',
    openedBy: 'Eröffnet von',
    openedAt: 'Eröffnet',
    before: 'Entscheidung bis',
    reason: 'Grund',
    evidence: 'Identitätsnachweis',
    approved: 'Genehmigungen',
    nobody: 'keine',
    missing: 'Ausstehende Genehmigungen',
    digest: 'Prüfsumme',
    functionOf: (name, by) => `${name}: ${by}`,
    approveTitle: 'Genehmigung',
    approveHint: 'Ihr Sicherheitsschlüssel signiert genau die hier gezeigten Angaben.',
    approve: 'Mit Sicherheitsschlüssel genehmigen',
    refuseTitle: 'Ablehnung',
    refuseReason: 'Grund (wird im Auditprotokoll aufgezeichnet; die Person wird über die Ablehnung informiert)',
    refuse: 'Ablehnen',
  },
  cancel: {
    keep: 'Nicht abbrechen',
    title: 'Abbruch dieser Wiederherstellung',
    lead: 'Ihr Sicherheitsschlüssel wurde als verloren gemeldet. Haben Sie ihn noch, brechen Sie die Wiederherstellung damit ab.',
    hint: 'Sie bestätigen mit Ihrem Schlüssel, dass er nicht verloren ist. Ihre Schlüssel und Sitzungen bleiben gültig.',
    cancel: 'Mit Sicherheitsschlüssel abbrechen',
    since: 'Gemeldet',
  },
  done: {
    approvedTitle: 'Genehmigung aufgezeichnet',
    approvedWaits: 'Die Genehmigung der anderen Funktion steht noch aus.',
    approvedAll:
      'Beide Funktionen haben genehmigt. Die Schlüssel und Sitzungen der Person werden widerrufen; danach übergibt ihr die eröffnende Stelle den Link zur Registrierung.',
    refusedTitle: 'Wiederherstellung abgelehnt',
    refusedLead: 'Die Wiederherstellung ist geschlossen, und die Person wurde informiert.',
    cancelledTitle: 'Wiederherstellung abgebrochen',
    cancelledLead:
      'Ihre Schlüssel und Sitzungen bleiben gültig. Informieren Sie die Sicherheitsabteilung Ihrer Firma, dass in Ihrem Namen eine Wiederherstellung eröffnet wurde.',
    account: 'Ihr Konto',
    back: 'Wiederherstellungen zur Genehmigung',
  },
};
