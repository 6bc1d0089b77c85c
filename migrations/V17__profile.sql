-- What an application keeps with an account: the JSON that its type writes. NULL where there is none.
ALTER TABLE account ADD COLUMN profile TEXT;
