-- From which addresses each token has come, over all gateways on this database: one row a token, until the token
-- is over. Keyed digests only, those of addresses different for each token.
CREATE TABLE "weir"."token_uses" (
	"token" bytea PRIMARY KEY,
	"addresses" bigint[] NOT NULL,
	"until" timestamp with time zone NOT NULL
) WITH (fillfactor = 80);
--> statement-breakpoint
CREATE INDEX "token_uses_until_idx" ON "weir"."token_uses" ("until");
--> statement-breakpoint
-- Who stands for a set that shows more, in place of which one. A person of a token's issuer; without an issuer, a
-- login of this database.
CREATE TABLE "weir"."policy_proposals" (
	"proposal_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	"digest" text NOT NULL,
	"change" bigint NOT NULL REFERENCES "weir"."policy_changes" ("number"),
	"issuer" text,
	"person" text NOT NULL CHECK ("person" <> ''),
	"made_by" text NOT NULL DEFAULT session_user,
	"at" timestamp with time zone NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TRIGGER "policy_proposals_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."policy_proposals"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_proposals" ENABLE ALWAYS TRIGGER "policy_proposals_append_only";
--> statement-breakpoint
-- Approvals from before have none, and no longer count.
ALTER TABLE "weir"."policy_approvals"
	ADD COLUMN "proposal_id" bigint REFERENCES "weir"."policy_proposals" ("proposal_id"),
	ADD COLUMN "issuer" text;
--> statement-breakpoint
-- A login is the one that is connected, and a person's own: neither the owner of the tables, which several people
-- may have, nor a superuser, nor a role that is no member of the owner, as a gateway's.
CREATE FUNCTION "weir"."refuse_login"(person text, owner oid) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	login record;
BEGIN
	SELECT oid, rolsuper INTO login FROM pg_roles WHERE rolname = session_user;
	IF person <> session_user THEN
		RAISE EXCEPTION 'a login speaks for itself only' USING ERRCODE = '42501';
	END IF;
	IF login.rolsuper OR login.oid = owner OR NOT pg_has_role(login.oid, owner, 'MEMBER') THEN
		RAISE EXCEPTION 'the login is not that of one person' USING ERRCODE = '42501',
			HINT = 'connect with a login of your own that is a member of the owner of the tables';
	END IF;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "weir"."take_proposal"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.made_by := session_user;
	NEW.at := clock_timestamp();
	IF NEW.issuer IS NULL THEN
		PERFORM weir.refuse_login(NEW.person, (SELECT relowner FROM pg_class WHERE oid = TG_RELID));
	END IF;
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "policy_proposals_taken" BEFORE INSERT ON "weir"."policy_proposals"
	FOR EACH ROW EXECUTE FUNCTION "weir"."take_proposal"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_proposals" ENABLE ALWAYS TRIGGER "policy_proposals_taken";
--> statement-breakpoint
CREATE FUNCTION "weir"."take_approval"() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	proposal record;
BEGIN
	SELECT * INTO proposal FROM weir.policy_proposals AS p WHERE p.proposal_id = NEW.proposal_id;
	IF NOT FOUND OR proposal.digest <> NEW.digest OR proposal.change <> NEW.change THEN
		RAISE EXCEPTION 'an approval is of a set that was proposed' USING ERRCODE = '42501';
	END IF;
	IF proposal.issuer IS DISTINCT FROM NEW.issuer OR lower(proposal.person) = lower(NEW.approved_by) THEN
		RAISE EXCEPTION 'an approval is by a second person, known the same way' USING ERRCODE = '42501';
	END IF;
	NEW.author := proposal.person;
	NEW.made_by := session_user;
	NEW.at := clock_timestamp();
	IF NEW.issuer IS NULL THEN
		PERFORM weir.refuse_login(NEW.approved_by, (SELECT relowner FROM pg_class WHERE oid = TG_RELID));
	END IF;
	RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "policy_approvals_taken" BEFORE INSERT ON "weir"."policy_approvals"
	FOR EACH ROW EXECUTE FUNCTION "weir"."take_approval"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_approvals" ENABLE ALWAYS TRIGGER "policy_approvals_taken";
