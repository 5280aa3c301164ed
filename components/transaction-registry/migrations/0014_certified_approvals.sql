-- The certificate of the signing key: serial number of one of ours, thumbprint of one of a partner.
alter table approvals add column certificate text;
