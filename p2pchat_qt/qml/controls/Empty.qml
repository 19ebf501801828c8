import QtQuick
import QtQuick.Layouts

// Where there is nothing yet: what it is about, and what to do.
ColumnLayout {
    id: empty
    property string sign
    property string title
    property string hint
    property string action
    signal acted()
    spacing: 10
    IconButton {
        sign: empty.sign
        enabled: false
        icon.color: Theme.c.faint
        icon.width: Theme.px(40)
        icon.height: Theme.px(40)
        size: Theme.px(56)
        Layout.alignment: Qt.AlignHCenter
        Accessible.ignored: true
    }
    Words {
        text: empty.title
        font.pixelSize: Theme.large
        font.weight: Font.DemiBold
        horizontalAlignment: Text.AlignHCenter
        wrapMode: Text.Wrap
        Layout.fillWidth: true
    }
    Paragraph {
        visible: empty.hint !== ""
        text: empty.hint
        color: Theme.c.faint
        horizontalAlignment: Text.AlignHCenter
        Layout.fillWidth: true
        Layout.maximumWidth: 360
        Layout.alignment: Qt.AlignHCenter
    }
    PushButton {
        visible: empty.action !== ""
        text: empty.action
        primary: true
        Layout.alignment: Qt.AlignHCenter
        Layout.topMargin: 6
        onClicked: empty.acted()
    }
}
