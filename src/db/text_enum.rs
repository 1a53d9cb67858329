//! Closed sets that the database keeps as text.

/// Declares an enum whose members are stored as the text beside them.
///
/// A text that this version does not know, such as one that a newer instance on the same database wrote, is read as the member
/// after `else`; without `else` reading it is an error.
macro_rules! text_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$member_attribute:meta])* $member:ident => $text:literal,)+
        } $(else $unknown:ident)?
    ) => {
        $(#[$attribute])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        $visibility enum $name {
            $($(#[$member_attribute])* $member,)+
        }

        impl $name {
            /// Every member, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The name in the database, in forms, in JSON and on the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }

            /// The member of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.name() == name)
            }

            fn read(text: &str) -> Result<Self, String> {
                Self::parse(text)$(.or(Some(Self::$unknown)))?.ok_or_else(|| format!("an unknown name: {text:?}"))
            }
        }

        impl<DB> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(bytes)?;
                Ok(Self::read(&text)?)
            }
        }

        impl<DB> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            DB: diesel::backend::Backend,
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                <str as diesel::serialize::ToSql<diesel::sql_types::Text, DB>>::to_sql(self.name(), out)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::read(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use text_enum;
